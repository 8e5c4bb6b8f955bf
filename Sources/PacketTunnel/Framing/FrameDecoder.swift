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
/// Owned by one loop. Holds memory only while a frame is incomplete, or until `endBatch`.
struct FrameDecoder: ~Copyable {
    private let framing: ChannelFraming
    private let maximumLength: Int
    private let pool: PacketBufferPool
    private var partial: PacketBuffer?
    /// Where packets of the batch lie that are not in the transport's own memory.
    private var batch: PacketBuffer?

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

    /// What becomes of the packets that a delivery has completed.
    enum Batch {
        /// Their memory is the transport's, or full: `endBatch` is due before the transport has it back.
        case isComplete
        /// Each message is a packet, and there is room for more: `endBatch` may wait for the end of the loop's turn. One by
        /// one, the segments of a flow could not be joined.
        case mayGrow
    }

    /// Passes each packet that `bytes` complete to `body`, in order, and keeps the rest.
    ///
    /// The packets' memory stands still until `endBatch`, which is due at once also where this throws: the packets before a
    /// broken frame are good.
    @inline(__always)
    mutating func decode(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeMutableRawBufferPointer, PacketOffload) -> Void
    ) throws(FramingError) -> Batch {
        guard framing != .openSSH else { return unsafe try decodeMessage(bytes, body) }
        var offset = 0
        if var continued = partial.take() {
            offset = unsafe complete(&continued, with: bytes)
            let memory = unsafe continued.bytes
            partial = consume continued
            guard let packet = unsafe try nextFrame(in: memory, at: 0) else { return .isComplete }
            unsafe body(packet.bytes, packet.offload)
            batch = partial.take()
        }
        while let packet = unsafe try nextFrame(in: bytes, at: offset) {
            unsafe body(packet.bytes, packet.offload)
            offset = packet.end
        }
        guard offset < bytes.count else { return .isComplete }
        var rest = pool.takeLarge()
        unsafe Self.append(UnsafeRawBufferPointer(bytes)[offset...], to: &rest)
        partial = consume rest
        return .isComplete
    }

    /// Gives the memory of the batch back: its packets have gone on.
    mutating func endBatch() {
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
        _ body: (UnsafeMutableRawBufferPointer, PacketOffload) -> Void
    ) throws(FramingError) -> Batch {
        guard bytes.count > OpenSSHFrame.headerLength else { throw .messageTooShort(bytes.count) }
        guard bytes.count - OpenSSHFrame.headerLength <= maximumLength else {
            throw .frameTooLong(length: bytes.count - OpenSSHFrame.headerLength, limit: maximumLength)
        }
        let family = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)).uint32(at: OpenSSHFrame.family)
        guard family == OpenSSHFrame.ipv4 || family == OpenSSHFrame.ipv6 else { throw .unknownAddressFamily(family) }
        if batch == nil { batch = pool.takeLarge() }
        guard let message = unsafe batch?.extend(by: bytes.count) else {
            preconditionFailure("a message is no longer than a buffer")
        }
        unsafe message.copyMemory(from: UnsafeRawBufferPointer(bytes))
        unsafe body(UnsafeMutableRawBufferPointer(rebasing: message[OpenSSHFrame.headerLength...]), .none)
        let least = (batch?.length ?? 0) + OpenSSHFrame.headerLength + maximumLength
        return least > PacketBufferPool.largeCapacity ? .isComplete : .mayGrow
    }
}
