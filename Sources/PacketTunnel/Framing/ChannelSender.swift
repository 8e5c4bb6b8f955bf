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
        if let outgoing { pool.release(outgoing) }
        if let postponed { pool.release(postponed) }
        outgoing = nil
        postponed = nil
    }

    /// Hands every packet that has not been framed yet to `body`, in the order in which they came, and gives its memory back.
    mutating func removeQueued(_ body: (PacketBuffer) -> Void) {
        queue.removeAll(body)
    }

    /// What was dropped since the last call; nil if nothing was.
    mutating func takeDropped() -> DroppedTraffic? {
        queue.hasDropped ? queue.takeDropped() : nil
    }

    /// Queues the packet in `packet`, a large buffer, in the form that the framing carries: whole, or in segments.
    ///
    /// - Returns: true if the buffer itself went into the queue; otherwise it is still the caller's.
    mutating func enqueue(_ packet: PacketBuffer, summary: PacketSummary, now: UInt64) -> Bool {
        let flowHash = summary.flowHash
        // The receiver refuses a super-packet that fits into one segment.
        if summary.payloadLength <= Int(packet.offload.segmentSize) { packet.offload.segmentSize = 0 }
        let offload = packet.offload
        if offload.isSuperPacket {
            guard framing == .gso, Int(offload.segmentSize) >= GSOFrame.minimumSegmentSize else {
                enqueueSegments(of: packet, summary: summary, flowHash: flowHash, now: now)
                return false
            }
        } else if offload.checksumIsPartial && framing != .gso {
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
            AddressRewriter.completeChecksum(of: &bytes, summary: summary)
            packet.offload = .none
        }
        guard packet.length <= PacketBufferPool.mediumCapacity else {
            queue.enqueue(packet, flowHash: flowHash, now: now)
            return true
        }
        let copy = pool.take(for: packet.length)
        append(packet, to: copy)
        copy.offload = packet.offload
        copy.isCounted = packet.isCounted
        queue.enqueue(copy, flowHash: flowHash, now: now)
        return false
    }

    private mutating func enqueueSegments(
        of packet: PacketBuffer,
        summary: PacketSummary,
        flowHash: UInt32,
        now: UInt64
    ) {
        let segmenter = PacketSegmenter(summary: summary, segmentSize: Int(packet.offload.segmentSize))
        let source = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes))
        for index in 0..<segmenter.segmentCount {
            let length = segmenter.length(ofSegment: index)
            let segment = pool.take(for: length)
            segment.length = length
            var bytes = unsafe MutableRawSpan(_unsafeBytes: segment.bytes)
            _ = segmenter.writeSegment(index, of: source, into: &bytes)
            queue.enqueue(segment, flowHash: flowHash, now: now)
        }
    }

    /// Sends as much as the transport takes without holding it back.
    mutating func flush(to transport: any PacketTransport, now: UInt64) {
        queue.timing = CoDelTiming(roundTrip: UInt64(clamping: transport.path?.roundTripMicroseconds ?? 0) &* 1_000)
        let messageSize = min(transport.preferredWriteSize, PacketBufferPool.largeCapacity)
        while true {
            let room = transport.writableByteCount
            guard room > 0 else { return transport.notifyWhenWritable() }
            guard let bytes = nextMessage(size: messageSize, now: now) else { return }
            let remaining = bytes.length - sent
            if framing == .openSSH {
                guard remaining <= messageSize else {
                    dropOutgoing(bytes)
                    continue
                }
                guard remaining <= room else { return }
            }
            let count = min(remaining, messageSize, room)
            let message = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes.bytes[sent..<(sent + count)])
            )
            let taken = transport.write(message)
            guard taken > 0 else { return }
            sent += taken
            if sent >= bytes.length { releaseOutgoing(bytes) }
        }
    }

    private mutating func releaseOutgoing(_ bytes: PacketBuffer) {
        pool.release(bytes)
        outgoing = nil
        sent = 0
    }

    /// Drops a packet that is larger than the messages that the other side permits: one message has to carry all of it.
    private mutating func dropOutgoing(_ bytes: PacketBuffer) {
        let packet = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes.bytes[framing.headerLength...])
        unsafe queue.noteDropped(packet, like: bytes)
        releaseOutgoing(bytes)
    }

    private mutating func nextMessage(size: Int, now: UInt64) -> PacketBuffer? {
        if let outgoing { return outgoing }
        outgoing = takeFramed(now: now)
        guard let first = outgoing, framing != .openSSH, first.length < size / 2 else { return outgoing }
        guard let second = takeFramed(now: now) else { return outgoing }
        let gathered = pool.takeLarge()
        move(first, to: gathered)
        var following: PacketBuffer? = second
        while let packet = following {
            guard gathered.length + packet.length <= size else {
                postponed = packet
                break
            }
            move(packet, to: gathered)
            following = takeFramed(now: now)
        }
        outgoing = gathered
        return gathered
    }

    private mutating func takeFramed(now: UInt64) -> PacketBuffer? {
        if let packet = postponed {
            postponed = nil
            return packet
        }
        guard let packet = queue.dequeue(now: now) else { return nil }
        framing.frame(packet)
        return packet
    }

    private func append(_ packet: PacketBuffer, to gathered: PacketBuffer) {
        guard let space = unsafe gathered.extend(by: packet.length) else {
            preconditionFailure("a message fits into a large buffer")
        }
        unsafe space.copyMemory(from: UnsafeRawBufferPointer(packet.bytes))
    }

    private func move(_ packet: PacketBuffer, to gathered: PacketBuffer) {
        append(packet, to: gathered)
        pool.release(packet)
    }
}
