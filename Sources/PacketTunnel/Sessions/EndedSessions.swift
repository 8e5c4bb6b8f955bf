public import IPPacket
internal import Logging
internal import Synchronization

/// Makes the kernel forget the connections of leased addresses, and returns when it has. Called in a task, never on a
/// loop. An error means that some may be left: their addresses are not leased again, and it is called anew later.
public typealias ConnectionForgetter = @Sendable (_ networks: [IPPrefix]) async throws -> Void

/// Sessions that are over, on their way back into the pool: what the kernel remembers of a session's connections would
/// send packets for its owner to the next one.
///
/// Safe from any thread. One task at a time does the work.
final class EndedSessions: Sendable {
    private struct Ended {
        let session: Session
        let reason: String
        var isReported = false

        var networks: [IPPrefix] { [IPPrefix(session.ipv4, length: 32), IPPrefix(session.ipv6, length: 128)] }
    }

    private struct State {
        var waiting: [Ended] = []
        var isWorking = false
        /// `add` was called while the task was at work: what it has to put back is tried once more.
        var isAskedAgain = false
    }

    private let sessions: SessionTable
    private let forget: ConnectionForgetter
    private let logger: Logger
    private let state = Mutex(State())

    init(sessions: SessionTable, forget: @escaping ConnectionForgetter, logger: Logger) {
        self.sessions = sessions
        self.forget = forget
        self.logger = logger
    }

    /// Takes sessions in, and tries again with those that could not be forgotten before.
    func add(_ ended: [Session], reason: String) {
        let starts = state.withLock { state in
            state.waiting += ended.map { Ended(session: $0, reason: reason) }
            state.isAskedAgain = state.isWorking
            guard !state.isWorking, !state.waiting.isEmpty else { return false }
            state.isWorking = true
            return true
        }
        if starts { Task { await self.work() } }
    }

    /// Takes in what is left when the server stops: the whole pool at once, because all of it is over.
    func finish(_ ended: [Session], pool: AddressPool) async {
        do {
            if !ended.isEmpty { try await forget([pool.ipv4, pool.ipv6]) }
        } catch {
            report(error)
        }
        for session in ended { log(session, reason: "the server stops") }
    }

    private func work() async {
        while var batch = next() {
            var isForgotten = true
            do {
                try await forget(batch.flatMap(\.networks))
            } catch {
                isForgotten = false
                report(error)
            }
            for index in batch.indices where !batch[index].isReported {
                log(batch[index].session, reason: batch[index].reason)
                batch[index].isReported = true
            }
            if isForgotten {
                sessions.release(batch.map(\.session))
            } else if !putBack(batch) {
                return
            }
        }
    }

    private func next() -> [Ended]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isWorking = false
                return nil
            }
            defer { state.waiting = [] }
            return state.waiting
        }
    }

    /// True if the task has to go on at once.
    private func putBack(_ kept: [Ended]) -> Bool {
        state.withLock { state in
            state.waiting += kept
            defer { state.isAskedAgain = false }
            state.isWorking = state.isAskedAgain
            return state.isWorking
        }
    }

    private func report(_ error: any Error) {
        logger.warning(
            "connections of ended sessions may linger, so their addresses are not leased",
            metadata: ["reason": "\(error)"]
        )
    }

    private func log(_ session: Session, reason: String) {
        let counters = session.checkpoint()
        if counters != PacketCounters() { SessionReport.log(counters, of: session, to: logger) }
        logger.info("session ended", metadata: SessionReport.identification(session, reason: reason))
    }
}
