internal import IPPacket

/// The way out of a channel: the packets that wait, and the bytes that the transport has not taken yet.
///
/// Packets wait here, where they can be ordered and dropped, and move on only while the transport holds nothing
/// unsent. Small ones are gathered into full messages; large ones are sent from where they lie. Owned by one loop.
struct ChannelSender: ~Copyable {
    /// Room for one super-packet and its frame: with less, none would ever be sent.
    static let roomForSuperPacket = 128 << 10

    private let framing: ChannelFraming
    private let pool: PacketBufferPool
    private var queue: FlowQueue
    /// Framed bytes under way, from `sent` on.
    private var outgoing: PacketBuffer?
    private var sent = 0
    /// A framed packet that did not fit into the message before it.
    private var postponed: PacketBuffer?

    init(framing: ChannelFraming, pool: PacketBufferPool, queueLimitInBytes: Int) {
        self.framing = framing
        self.pool = pool
        queue = FlowQueue(
            pool: pool,
            limitInBytes: framing == .gso ? max(queueLimitInBytes, Self.roomForSuperPacket) : queueLimitInBytes,
            quantum: framing == .gso ? 16_384 : 2_048
        )
    }

    /// Gives all memory back. Call before the sender goes away.
    mutating func removeAll() {
        queue.removeAll()
        pool.release(outgoing.take())
        pool.release(postponed.take())
    }

    /// Hands every packet that has not been framed yet to `body`, in the order in which they came, and gives its memory back.
    mutating func removeQueued(_ body: (borrowing PacketBuffer) -> Void) {
        queue.removeAll(body)
    }

    /// What was dropped since the last call; nil if nothing was.
    mutating func takeDropped() -> DroppedTraffic? {
        queue.hasDropped ? queue.takeDropped() : nil
    }

    /// Queues the packet in `packet`, a large buffer, in the form that the framing carries: whole, or in segments.
    ///
    /// - Returns: the buffer, unless it went into the queue itself.
    mutating func enqueue(
        _ packet: consuming PacketBuffer,
        summary: PacketSummary,
        now: UInt64
    ) -> PacketBuffer? {
        let flowHash = summary.flowHash
        // The receiver refuses a super-packet that fits into one segment.
        if summary.payloadLength <= Int(packet.offload.segmentSize) { packet.offload.segmentSize = 0 }
        let offload = packet.offload
        if offload.isSuperPacket {
            guard framing == .gso, Int(offload.segmentSize) >= GSOFrame.minimumSegmentSize else {
                enqueueSegments(of: packet, summary: summary, flowHash: flowHash, now: now)
                return packet
            }
        } else if offload.checksumIsPartial && framing != .gso {
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
            AddressRewriter.completeChecksum(of: &bytes, summary: summary)
            packet.offload = .none
        }
        guard packet.length <= PacketBufferPool.mediumCapacity else {
            queue.enqueue(packet, flowHash: flowHash, now: now)
            return nil
        }
        var copy = pool.take(for: packet.length)
        append(packet, to: &copy)
        copy.offload = packet.offload
        copy.isCounted = packet.isCounted
        queue.enqueue(copy, flowHash: flowHash, now: now)
        return packet
    }

    private mutating func enqueueSegments(
        of packet: borrowing PacketBuffer,
        summary: PacketSummary,
        flowHash: UInt32,
        now: UInt64
    ) {
        let segmenter = PacketSegmenter(summary: summary, segmentSize: Int(packet.offload.segmentSize))
        let source = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes))
        for index in 0..<segmenter.segmentCount {
            let length = segmenter.length(ofSegment: index)
            var segment = pool.take(for: length)
            segment.length = length
            var bytes = unsafe MutableRawSpan(_unsafeBytes: segment.bytes)
            _ = segmenter.writeSegment(index, of: source, into: &bytes)
            queue.enqueue(segment, flowHash: flowHash, now: now)
        }
    }

    /// Sends as much as the transport takes without holding it back.
    mutating func flush(to transport: any PacketTransport, now: UInt64) {
        let path = transport.path
        queue.timing = CoDelTiming(roundTrip: UInt64(clamping: path?.roundTripMicroseconds ?? 0) &* 1_000)
        queue.makeRoom(forWindow: path?.windowBytes ?? 0)
        let messageSize = min(transport.preferredWriteSize, PacketBufferPool.largeCapacity)
        while true {
            let room = transport.writableByteCount
            guard room > 0 else { return transport.notifyWhenWritable() }
            guard let message = nextMessage(size: messageSize, now: now) else { return }
            let remaining = message.length - sent
            guard framing != .openSSH || remaining <= messageSize else {
                drop(message)
                continue
            }
            guard framing != .openSSH || remaining <= room else {
                outgoing = consume message
                return
            }
            let count = min(remaining, messageSize, room)
            let taken = unsafe transport.write(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: message.bytes[sent..<(sent + count)]))
            )
            guard taken > 0 else {
                outgoing = consume message
                return
            }
            sent += taken
            guard sent >= message.length else {
                outgoing = consume message
                continue
            }
            sent = 0
            pool.release(message)
        }
    }

    /// Drops a packet that is larger than the messages that the other side permits: one message has to carry all of it.
    private mutating func drop(_ message: consuming PacketBuffer) {
        let packet = unsafe UnsafeMutableRawBufferPointer(rebasing: message.bytes[framing.headerLength...])
        unsafe queue.noteDropped(packet, like: message)
        pool.release(message)
        sent = 0
    }

    /// What is to be sent next: the rest of a message, or a new one.
    private mutating func nextMessage(size: Int, now: UInt64) -> PacketBuffer? {
        if let begun = outgoing.take() { return begun }
        guard let first = takeFramed(now: now) else { return nil }
        guard framing != .openSSH, first.length < size / 2, let second = takeFramed(now: now) else { return first }
        var gathered = pool.takeLarge()
        move(first, to: &gathered)
        var following: PacketBuffer? = second
        while let packet = following.take() {
            guard gathered.length + packet.length <= size else {
                postponed = consume packet
                break
            }
            move(packet, to: &gathered)
            following = takeFramed(now: now)
        }
        return gathered
    }

    private mutating func takeFramed(now: UInt64) -> PacketBuffer? {
        if let packet = postponed.take() { return packet }
        guard var packet = queue.dequeue(now: now) else { return nil }
        framing.frame(&packet)
        return packet
    }

    private func append(_ packet: borrowing PacketBuffer, to gathered: inout PacketBuffer) {
        guard let space = unsafe gathered.extend(by: packet.length) else {
            preconditionFailure("a message fits into a large buffer")
        }
        unsafe space.copyMemory(from: UnsafeRawBufferPointer(packet.bytes))
    }

    private func move(_ packet: consuming PacketBuffer, to gathered: inout PacketBuffer) {
        append(packet, to: &gathered)
        pool.release(packet)
    }
}
