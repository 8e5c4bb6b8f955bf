internal import Synchronization

/// Packets on their way from a loop to the tasks that take them one by one. Bounded in bytes; the newest packet is dropped
/// when there is no room, as a network card does.
final class PacketInbox: Sendable {
    private typealias Outcome = Result<[UInt8], PacketStreamError>

    private struct Reader {
        let number: UInt64
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var packets: [[UInt8]] = []
        /// Packets before this index have been taken.
        var head = 0
        var byteCount = 0
        var droppedCount = 0
        var endReason: String?
        var readers: [Reader] = []
        var lastReader: UInt64 = 0

        mutating func take() -> [UInt8]? {
            guard head < packets.count else { return nil }
            let packet = packets[head]
            head += 1
            byteCount -= packet.count
            // Taken ones make room in bulk, so that each costs constant time.
            if head == packets.count || head >= 1_024 {
                packets.removeFirst(head)
                head = 0
            }
            return packet
        }
    }

    private let limitInBytes: Int
    private let state = Mutex(State())

    init(limitInBytes: Int) {
        self.limitInBytes = limitInBytes
    }

    /// Packets dropped for want of room, or refused, over all time.
    var droppedCount: Int { state.withLock { $0.droppedCount } }

    /// Counts a packet that cannot be handed on.
    func refuse() { state.withLock { $0.droppedCount += 1 } }

    /// Gives a packet to the task that waits, or keeps it. From any thread.
    func put(_ packet: [UInt8]) {
        let reader: Reader? = state.withLock { state in
            guard state.endReason == nil else { return nil }
            if !state.readers.isEmpty { return state.readers.removeFirst() }
            if state.byteCount + packet.count > limitInBytes {
                state.droppedCount += 1
            } else {
                state.packets.append(packet)
                state.byteCount += packet.count
            }
            return nil
        }
        reader?.continuation.resume(returning: .success(packet))
    }

    /// Ends the stream; packets that were kept can still be taken. Idempotent.
    func finish(reason: String) {
        let readers: [Reader] = state.withLock { state in
            guard state.endReason == nil else { return [] }
            state.endReason = reason
            defer { state.readers = [] }
            return state.readers
        }
        for reader in readers { reader.continuation.resume(returning: .failure(.closed(reason: reason))) }
    }

    /// The next packet, as soon as there is one.
    ///
    /// - Throws: `closed` after the last packet, `cancelled`.
    func next() async throws(PacketStreamError) -> [UInt8] {
        let number = state.withLock { state in
            state.lastReader += 1
            return state.lastReader
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in wait(Reader(number: number, continuation: continuation)) }
        } onCancel: {
            cancel(number)
        }
        return try outcome.get()
    }

    private func wait(_ reader: Reader) {
        let outcome: Outcome? = state.withLock { state in
            if let packet = state.take() { return .success(packet) }
            if let reason = state.endReason { return .failure(.closed(reason: reason)) }
            // Under the lock: a cancellation from now on finds the reader in the list.
            if Task.isCancelled { return .failure(.cancelled) }
            state.readers.append(reader)
            return nil
        }
        if let outcome { reader.continuation.resume(returning: outcome) }
    }

    private func cancel(_ number: UInt64) {
        let reader: Reader? = state.withLock { state in
            guard let index = state.readers.firstIndex(where: { $0.number == number }) else { return nil }
            return state.readers.remove(at: index)
        }
        reader?.continuation.resume(returning: .failure(.cancelled))
    }
}

/// The packets of a channel or a device, in order, until it is closed or the task is cancelled.
public struct PacketSequence: AsyncSequence, Sendable {
    let inbox: PacketInbox

    /// Takes the packets.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let inbox: PacketInbox

        /// The next packet; nil at the end.
        public mutating func next() async -> [UInt8]? { try? await inbox.next() }
    }

    /// Iterators share the packets: each packet goes to one of them.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(inbox: inbox) }
}
