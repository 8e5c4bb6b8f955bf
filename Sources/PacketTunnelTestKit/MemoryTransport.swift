public import PacketTunnel

/// A transport in memory that keeps message boundaries: two ends joined, or one end whose other side is the test.
///
/// Belongs to its loop.
public final class MemoryTransport: PacketTransport, @unchecked Sendable {  // one thread at a time
    /// Bytes that one `write` sends as one message.
    public var preferredWriteSize: Int
    /// Most bytes that one `write` takes, whatever `writableByteCount` promised; for tests of short writes.
    public var shortWriteLimit = Int.max
    /// Whether messages are kept, or only counted. Always on for joined ends.
    public var recordsMessages = true
    /// Whether delivered memory is overwritten when the receiver returns. What still points into it then shows.
    public var poisonsMemory = true
    /// Messages written, over all time.
    public private(set) var writtenCount = 0
    /// Bytes written, over all time.
    public private(set) var writtenByteCount = 0
    /// True after `close`, or after the other side's end.
    public private(set) var isClosed = false

    private let manualLoop: ManualLoop
    private var allowance: Int
    private var receiver: (any PacketTransportReceiver)?
    private weak var peer: MemoryTransport?
    private var isJoined = false
    private var messages: [[UInt8]] = []
    private var early: [[UInt8]] = []
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// One end, whose other side is the test.
    ///
    /// - Parameter writableByteCount: bytes that `write` takes until `allow` is called.
    public init(on loop: ManualLoop, preferredWriteSize: Int = 32_758, writableByteCount: Int = .max) {
        manualLoop = loop
        self.preferredWriteSize = preferredWriteSize
        allowance = writableByteCount
    }

    deinit { scratch.deallocate() }

    /// Two ends: what is written to one is delivered to the other, as work on its loop, and then lets as many bytes
    /// be written again.
    public static func pair(
        _ first: ManualLoop,
        _ second: ManualLoop,
        windowInBytes: Int = 2 << 20
    ) -> (MemoryTransport, MemoryTransport) {
        let one = MemoryTransport(on: first, writableByteCount: windowInBytes)
        let other = MemoryTransport(on: second, writableByteCount: windowInBytes)
        (one.peer, other.peer) = (other, one)
        (one.isJoined, other.isJoined) = (true, true)
        return (one, other)
    }

    // MARK: The test's side

    /// Delivers bytes to the receiver as one message, the only one of a turn; they wait for a receiver if there is none
    /// yet.
    ///
    /// - Parameter inspect: is shown the memory of the message as the receiver has left it.
    public func deliver(_ message: [UInt8], inspect: ((UnsafeRawBufferPointer) -> Void)? = nil) {
        guard receiver != nil || isClosed else { return early.append(message) }
        pass(message, inspect: inspect)
        finishTurn()
    }

    /// Delivers several messages in one turn, to a receiver that is there.
    public func deliverTogether(_ messages: [[UInt8]]) {
        for message in messages { pass(message) }
        finishTurn()
    }

    private func finishTurn() {
        manualLoop.perform { receiver?.transportDidFinishReceiving() }
    }

    private func pass(_ message: [UInt8], inspect: ((UnsafeRawBufferPointer) -> Void)? = nil) {
        guard !isClosed, let receiver else { return }
        if scratch.count < message.count {
            scratch.deallocate()
            scratch = .allocate(byteCount: max(message.count, 65_536), alignment: 16)
        }
        scratch.copyBytes(from: message)
        let used = UnsafeMutableRawBufferPointer(rebasing: scratch[..<message.count])
        manualLoop.perform {
            var bytes = MutableRawSpan(_unsafeBytes: used)
            receiver.transportDidReceive(&bytes)
        }
        inspect?(UnsafeRawBufferPointer(used))
        if poisonsMemory { used.initializeMemory(as: UInt8.self, repeating: 0xdd) }
    }

    /// The messages written since the last call, in order.
    public func takeMessages() -> [[UInt8]] {
        defer { messages.removeAll() }
        return messages
    }

    /// Lets `write` take `count` bytes more, and says so to the receiver if there was no room before.
    public func allow(_ count: Int) {
        let wasFull = allowance == 0
        allowance = allowance > Int.max - count ? .max : allowance + count
        if wasFull, count > 0, !isClosed, let receiver {
            manualLoop.perform { receiver.transportDidBecomeWritable() }
        }
    }

    /// Lets `write` take nothing until `allow` is called.
    public func block() { allowance = 0 }

    /// Lets the other side end the stream.
    public func finish(reason: String = "the other side has closed") {
        guard !isClosed else { return }
        isClosed = true
        reportEnd(reason)
    }

    private func reportEnd(_ reason: String) {
        guard let receiver else { return }
        self.receiver = nil
        manualLoop.perform { receiver.transportDidClose(reason: reason) }
    }

    // MARK: PacketTransport

    /// The loop that the end was made on.
    public var loop: any PacketLoop { manualLoop }

    /// What `init` and `allow` granted and `write` has not used up; 0 after the end.
    public var writableByteCount: Int { isClosed ? 0 : allowance }

    /// Takes as many bytes as are allowed.
    public func write(_ bytes: RawSpan) -> Int {
        let count = min(bytes.byteCount, writableByteCount, shortWriteLimit)
        guard count > 0 else { return 0 }
        if allowance != .max { allowance -= count }
        writtenCount += 1
        writtenByteCount += count
        guard recordsMessages || isJoined else { return count }
        let message = bytes.withUnsafeBytes { Array($0.prefix(count)) }
        if isJoined { passToPeer(message) } else { messages.append(message) }
        return count
    }

    private func passToPeer(_ message: [UInt8]) {
        guard let peer else { return }
        peer.manualLoop.execute { [weak self] in
            peer.deliver(message)
            guard let self else { return }
            manualLoop.execute { self.allow(message.count) }
        }
    }

    /// Names the receiver, and hands it what has arrived already.
    public func setReceiver(_ receiver: any PacketTransportReceiver) {
        self.receiver = receiver
        let waiting = early
        early.removeAll()
        for message in waiting { deliver(message) }
    }

    /// Ends the stream for both sides.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        manualLoop.execute { self.reportEnd("closed") }
        if let peer { peer.manualLoop.execute { peer.finish() } }
    }
}
