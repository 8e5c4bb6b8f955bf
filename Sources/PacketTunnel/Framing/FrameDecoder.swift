internal import IPPacket

/// Why a stream of frames cannot go on: where the next frame begins is unknown.
enum FramingError: Error, Equatable, CustomStringConvertible {
    case emptyFrame
    case frameTooLong(length: Int, limit: Int)
    case unknownFlags(UInt8)
    case messageTooShort(Int)
    case unknownAddressFamily(UInt32)

    var description: String {
        switch self {
        case .emptyFrame: "a frame of length 0"
        case .frameTooLong(let length, let limit): "a frame of \(length) bytes, longer than \(limit)"
        case .unknownFlags(let flags): "unknown bits in the flags of a frame: \(flags)"
        case .messageTooShort(let length): "a message of \(length) bytes, too short for a packet"
        case .unknownAddressFamily(let family): "address family \(family), neither 2 nor 24"
        }
    }
}

/// Cuts what a transport delivers into packets, in place. Copied are only a packet that lies across two deliveries, and
/// messages of a single packet each.
///
/// Owned by one loop. Holds memory only while a frame is incomplete, or until `finish`.
struct FrameDecoder: ~Copyable {
    private let framing: ChannelFraming
    private let maximumLength: Int
    private let pool: PacketBufferPool
    private var partial: PacketBuffer?
    /// The messages since the last `flush`, where each is a packet.
    private var batch: PacketBuffer?
    /// The transport has shown that it tells when nothing more arrives. Until it has, no packet waits for that.
    private var knowsTurns = false

    /// - Parameter mtu: the longest packet that is not a super-packet.
    init(framing: ChannelFraming, mtu: Int, pool: PacketBufferPool) {
        self.framing = framing
        self.maximumLength = framing == .gso ? PacketSummary.greatestLength : mtu
        self.pool = pool
    }

    /// Gives all memory back. Call before the decoder goes away.
    mutating func removeAll() {
        pool.release(partial.take())
        pool.release(batch.take())
    }

    /// Hands each packet that `bytes` complete to `body`, in order, then calls `flush`, and keeps the rest.
    ///
    /// The packets' memory stands still until `flush` has returned, not longer. Where each delivery is a packet, `flush` is
    /// left to `finish` as long as there is room: one by one, the segments of a flow could not be joined. Before the first
    /// `finish` nothing is, as a transport may not tell when its turn is over.
    @inline(__always)
    mutating func decode(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeMutableRawBufferPointer, PacketOffload) -> Void,
        flush: () -> Void
    ) throws(FramingError) {
        guard framing != .openSSH else { return unsafe try decodeMessage(bytes, body, flush: flush) }
        var offset = 0
        if var continued = partial.take() {
            offset = unsafe complete(&continued, with: bytes)
            let memory = unsafe continued.bytes
            partial = consume continued
            guard let packet = unsafe try nextFrame(in: memory, at: 0) else { return }
            unsafe body(packet.bytes, packet.offload)
        }
        do {
            // The packets before a broken frame are good, too, and their memory is about to be reused.
            defer {
                flush()
                pool.release(partial.take())
            }
            while let packet = unsafe try nextFrame(in: bytes, at: offset) {
                unsafe body(packet.bytes, packet.offload)
                offset = packet.end
            }
        }
        guard offset < bytes.count else { return }
        var rest = pool.takeLarge()
        unsafe Self.append(UnsafeRawBufferPointer(bytes)[offset...], to: &rest)
        partial = consume rest
    }

    /// Calls `flush` if packets still wait for it. Call when nothing more arrives for now.
    mutating func finish(flush: () -> Void) {
        knowsTurns = true
        endBatch(flush: flush)
    }

    private mutating func endBatch(flush: () -> Void) {
        guard batch != nil else { return }
        flush()
        pool.release(batch.take())
    }

    @safe private struct Frame {
        var bytes: UnsafeMutableRawBufferPointer
        var offload: PacketOffload
        var end: Int
    }

    /// The frame at `offset`, or nil if it is not all there.
    @inline(__always)
    private func nextFrame(
        in bytes: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(FramingError) -> Frame? {
        let start = offset + framing.headerLength
        guard start <= bytes.count else { return nil }
        let header = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<start]))
        let length = Int(header.uint16(at: PsiphonFrame.length))
        guard length != 0 else { throw .emptyFrame }
        guard length <= maximumLength else { throw .frameTooLong(length: length, limit: maximumLength) }
        let end = start + length
        guard end <= bytes.count else { return nil }
        var offload = PacketOffload.none
        if framing == .gso {
            let flags = header.byte(at: GSOFrame.flags)
            guard flags & ~GSOFrame.partialChecksumFlag == 0 else { throw .unknownFlags(flags) }
            offload = PacketOffload(
                segmentSize: header.uint16(at: GSOFrame.segmentSize),
                checksumIsPartial: flags & GSOFrame.partialChecksumFlag != 0
            )
        }
        return unsafe Frame(
            bytes: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]),
            offload: offload,
            end: end
        )
    }

    /// Moves to `partial` what its frame lacks; returns the number of bytes moved.
    private func complete(_ partial: inout PacketBuffer, with bytes: UnsafeMutableRawBufferPointer) -> Int {
        var moved = 0
        while moved < bytes.count {
            let missing: Int
            if partial.length < framing.headerLength {
                missing = framing.headerLength - partial.length
            } else {
                let header = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(partial.bytes))
                missing = framing.headerLength + Int(header.uint16(at: PsiphonFrame.length)) - partial.length
                guard missing > 0 else { break }
                // Checked before the frame is taken in, because its length decides how much is copied.
                if Int(header.uint16(at: PsiphonFrame.length)) > maximumLength { break }
            }
            let count = min(missing, bytes.count - moved)
            unsafe Self.append(UnsafeRawBufferPointer(bytes)[moved..<(moved + count)], to: &partial)
            moved += count
        }
        return moved
    }

    private static func append(_ bytes: Slice<UnsafeRawBufferPointer>, to buffer: inout PacketBuffer) {
        guard let space = unsafe buffer.extend(by: bytes.count) else {
            preconditionFailure("a frame is no longer than its buffer")
        }
        unsafe space.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
    }

    /// One message is one packet behind the number of its family (OpenSSH's PROTOCOL, section 2.3).
    @inline(__always)
    private mutating func decodeMessage(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeMutableRawBufferPointer, PacketOffload) -> Void,
        flush: () -> Void
    ) throws(FramingError) {
        guard bytes.count > OpenSSHFrame.headerLength else { throw .messageTooShort(bytes.count) }
        guard bytes.count - OpenSSHFrame.headerLength <= maximumLength else {
            throw .frameTooLong(length: bytes.count - OpenSSHFrame.headerLength, limit: maximumLength)
        }
        let family = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)).uint32(at: OpenSSHFrame.family)
        guard family == OpenSSHFrame.ipv4 || family == OpenSSHFrame.ipv6 else { throw .unknownAddressFamily(family) }
        if (batch?.length ?? 0) + bytes.count > PacketBufferPool.largeCapacity { endBatch(flush: flush) }
        if batch == nil { batch = pool.takeLarge() }
        guard let message = unsafe batch?.extend(by: bytes.count) else {
            preconditionFailure("a message is no longer than a buffer")
        }
        unsafe message.copyMemory(from: UnsafeRawBufferPointer(bytes))
        unsafe body(UnsafeMutableRawBufferPointer(rebasing: message[OpenSSHFrame.headerLength...]), .none)
        if !knowsTurns { endBatch(flush: flush) }
    }
}
