internal import IPPacket
internal import Synchronization

/// Packets that wait to be written to a channel in one run: the seed's `PacketQueue`.
///
/// Every flow has its turn, as in the queues of `PacketTunnelServer` (RFC 8290); a full queue drops packets of its
/// longest flow. Memory is taken as packets come, up to the limit, and kept for the next ones. May be used from any thread;
/// one task dequeues.
public final class PacketQueue: Sendable {
    private struct State: ~Copyable {
        let pool: PacketBufferPool
        var queue: FlowQueue
        /// A buffer that came back, for the next run.
        var spare: [UInt8] = []
        var droppedCount = 0
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// Bytes of one run, about: it ends with the first packet that exceeds them.
    private static let runSize = 32_768

    private let framing: ChannelFraming
    private let state: Mutex<State>
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant

    /// An empty queue.
    ///
    /// - Parameters:
    ///   - limitInBytes: memory that waiting packets may hold, or 0 for the default; enough for the largest packet as in
    ///     `ServerConfiguration.downstreamQueueLimitInBytes`, or none is ever queued.
    ///   - framing: how packets are laid into the channel; not `tun@openssh.com`, whose messages are single packets.
    public init(
        limitInBytes: Int = TunnelDefaults.downstreamQueueLimitInBytes,
        framing: ChannelFraming = .psiphon
    ) {
        precondition(framing != .openSSH, "a run of frames has no message boundaries")
        self.framing = framing
        start = clock.now
        let pool = PacketBufferPool()
        let limit = limitInBytes == 0 ? TunnelDefaults.downstreamQueueLimitInBytes : limitInBytes
        let queue = FlowQueue(pool: pool, limitInBytes: limit, quantum: framing == .gso ? 16_384 : 2_048)
        state = Mutex(State(pool: pool, queue: queue))
    }

    deinit { state.withLock { $0.queue.removeAll() } }

    /// Packets dropped since the queue was made: for space, for delay, or because they were none.
    public var droppedPacketCount: Int {
        state.withLock { state in
            state.droppedCount += state.queue.takeDropped().packetCount
            return state.droppedCount
        }
    }

    /// Adds a copy of a packet. From any thread; never waits.
    ///
    /// - Returns: false if it is no packet, or the queue is closed.
    @discardableResult
    public func enqueue(_ packet: [UInt8]) -> Bool {
        guard packet.count <= PacketBufferPool.largeCapacity,
            let summary = unsafe try? PacketSummary(validating: packet.span.bytes)
        else {
            state.withLock { $0.droppedCount += 1 }
            return false
        }
        let now = nanoseconds
        let waiter: CheckedContinuation<Void, Never>?? = state.withLock { state in
            guard !state.isClosed else { return .none }
            var buffer = state.pool.take(for: packet.count)
            buffer.length = packet.count
            unsafe buffer.bytes.copyBytes(from: packet)
            state.queue.enqueue(buffer, flowHash: summary.flowHash, now: now)
            defer { state.waiter = nil }
            return .some(state.waiter)
        }
        guard let waiter else { return false }
        waiter?.resume()
        return true
    }

    /// Waits until at least one packet is queued, and takes a run of framed packets: one write for a `PacketChannel`.
    ///
    /// Give the memory back with `replace` after the write. For one task at a time.
    ///
    /// - Returns: nil when the task is cancelled or the queue is closed.
    public func dequeueFramedPackets() async -> [UInt8]? {
        while !Task.isCancelled {
            if let frames = takeRun() { return frames }
            guard !(state.withLock { $0.isClosed }) else { return nil }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in wait(continuation) }
            } onCancel: {
                wake()
            }
        }
        return nil
    }

    /// Takes the memory of a run back, to be used again.
    public func replace(_ frames: consuming [UInt8]) {
        frames.removeAll(keepingCapacity: true)
        let spare = frames
        state.withLock { $0.spare = spare }
    }

    /// Drops what waits, and interrupts `dequeueFramedPackets`. Idempotent.
    public func close() {
        state.withLock { state in
            state.isClosed = true
            state.queue.removeAll()
        }
        wake()
    }

    private var nanoseconds: UInt64 { (clock.now - start).inNanoseconds }

    private func takeRun() -> [UInt8]? {
        let now = nanoseconds
        return state.withLock { state in
            var frames: [UInt8] = []
            swap(&frames, &state.spare)
            while frames.count < Self.runSize, var packet = state.queue.dequeue(now: now) {
                framing.frame(&packet)
                unsafe frames.append(contentsOf: packet.bytes)
                state.pool.release(packet)
            }
            guard frames.isEmpty else { return frames }
            swap(&frames, &state.spare)
            return nil
        }
    }

    private func wait(_ continuation: CheckedContinuation<Void, Never>) {
        let isReady = state.withLock { state in
            // Under the lock: whatever happens from now on finds the continuation.
            guard state.queue.isEmpty, !state.isClosed, !Task.isCancelled else { return true }
            precondition(state.waiter == nil, "one task dequeues at a time")
            state.waiter = continuation
            return false
        }
        if isReady { continuation.resume() }
    }

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
