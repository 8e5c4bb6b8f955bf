internal import EventLoops
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

/// Brings a tunnel up and keeps it up: the device and its routes stay while connections come and go.
///
/// One task runs it; everything that happens reaches it as an event.
final class TunnelKeeper {
    /// What happens to a tunnel.
    enum Event: Sendable {
        /// SIGINT or SIGTERM.
        case signal(String)
        /// An attempt to connect has come to its end.
        case attempted(Result<any TunnelConnection, any Error>)
        /// A packet has come through a connection that awaited one.
        case answered
        /// The line is broken.
        case disconnected(String)
        /// SIGHUP to a service: a new connection.
        case hangUp
        /// It is time for another attempt.
        case retry
    }

    private let options: UpOptions
    private let loop: EventLoop
    private let events: AsyncStream<Event>.Continuation
    private let logger: Logger
    private let sessionName: String
    private var backoff = Backoff()
    private var tunnel: LocalTunnel?
    private var connection: (any TunnelConnection)?
    /// A first attempt that fails, fails for good: somebody is there to see it.
    private var hasOpened = false
    private var hasWorked = false
    private var readySince: ContinuousClock.Instant?
    private var description: Logger.Metadata = [:]

    init(_ options: UpOptions, loop: EventLoop, events: AsyncStream<Event>.Continuation, logger: Logger) {
        self.options = options
        self.loop = loop
        self.events = events
        self.logger = logger
        sessionName = options.session?.description ?? Self.randomName()
    }

    /// Runs until a signal, or until an attempt fails for good.
    func run(_ stream: AsyncStream<Event>) async throws -> ExitStatus {
        do {
            attempt()
            for await event in stream {
                if case .signal(let name) = event {
                    logger.notice("stopping", metadata: ["signal": "\(name)"])
                    break
                }
                try await handle(event)
            }
        } catch {
            await tunnel?.takeDown()
            throw error
        }
        await tunnel?.takeDown()
        return .success
    }

    private func handle(_ event: Event) async throws {
        switch event {
        case .signal: break
        case .retry: attempt()
        case .attempted(.success(let connection)):
            try await bringUp(connection)
        case .attempted(.failure(let error)):
            guard tunnel != nil, Self.isPassing(error) else { throw error }
            retry(after: "\(error)")
        case .hangUp:
            logger.notice("connecting anew", metadata: ["signal": "SIGHUP"])
            backoff = Backoff()
            connection?.hangUp()
        case .answered: logger.notice("ready", metadata: description)
        case .disconnected(let reason):
            try await disconnected(reason)
        }
    }

    /// A command that never carried anything is as wrong as a server that refuses; once it did, it will again.
    private func disconnected(_ reason: String) async throws {
        guard let connection else { return retry(after: reason) }
        self.connection = nil
        let end = try await BlockingWork.value { connection.end() }
        hasWorked = hasWorked || end.hasWorked
        // A server that takes a tunnel only to end it at once is not to be asked again and again without a pause.
        if end.hasWorked, let readySince, .now - readySince >= Backoff.proof { backoff = Backoff() }
        readySince = nil
        if let error = end.reason, !hasWorked { throw error }
        retry(after: end.reason.map { "\($0)" } ?? reason)
    }

    private func bringUp(_ connection: any TunnelConnection) async throws {
        self.connection = connection
        let tunnel: LocalTunnel
        if let existing = self.tunnel {
            tunnel = existing
        } else {
            tunnel = try await LocalTunnel(options, server: connection, loop: loop, logger: logger)
            self.tunnel = tunnel
        }
        try await tunnel.keepOut(connection.peers)
        do {
            let events = events
            let framing = try await tunnel.connect(connection, sessionName: sessionName) {
                events.yield(.disconnected($0))
            }
            hasOpened = true
            readySince = .now
            description = tunnel.description(framing, connection.security)
            logger.notice(
                connection.awaitsAnswer ? "running, but no packet has come back yet" : "ready",
                metadata: description
            )
        } catch {
            self.connection = nil
            _ = try await BlockingWork.value { connection.end() }
            guard hasOpened, Self.isPassing(error) else { throw error }
            retry(after: "\(error)")
        }
    }

    private func attempt() {
        let (options, sessionName, events) = (options.connection, sessionName, events)
        BlockingWork.run {
            let attempt = Result { try options.connect(sessionName: sessionName) { events.yield(.answered) } }
            events.yield(.attempted(attempt))
        }
    }

    private func retry(after reason: String) {
        let delay = backoff.next()
        logger.warning("not connected", metadata: ["reason": "\(reason)", "next_attempt_in": "\(delay)"])
        let events = events
        Task {
            try? await Task.sleep(for: delay)
            events.yield(.retry)
        }
    }

    /// Whether trying again may help: everything but a refused user, a host key that is wrong, and a wrong command line.
    private static func isPassing(_ error: any Error) -> Bool {
        guard let error = error as? SSHClientError else { return true }
        switch error.kind {
        case .unreachable, .temporary, .protocolViolation: return true
        case .usage, .hostKeyUnknown, .hostKeyChanged, .permission, .configuration: return false
        }
    }

    private static func randomName() -> String {
        let number = UInt128.random(in: .min ... .max)
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

/// How long to wait before the next attempt: not at all at first, because most lines break while the server is well.
/// Then twice as long each time, up to half a minute, and never quite the same, so that the clients of a server that
/// comes back do not all come at once.
struct Backoff {
    /// A connection that has held for so long was a good one: what follows begins anew.
    static let proof: Duration = .milliseconds(500)

    private var limit: Duration = .zero

    mutating func next() -> Duration {
        defer { limit = limit == .zero ? .milliseconds(250) : min(limit * 2, .seconds(30)) }
        return limit * Double.random(in: 0.5...1)
    }
}
