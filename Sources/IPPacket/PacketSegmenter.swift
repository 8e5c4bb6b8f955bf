/// Cuts a super-packet into the packets that it stands for, one at a time, into memory of the caller.
///
/// Does what Linux does when it segments in software: `tcp_gso_segment` for TCP, `__udp_gso_segment` for UDP, where
/// each segment is a datagram of its own. The segments' checksums are finished ones, whatever the source's was; only a
/// UDP packet over IPv4 that carries none (RFC 768) is cut into datagrams without one.
@frozen public struct PacketSegmenter: Sendable {
    @usableFromInline let summary: PacketSummary
    @usableFromInline let segmentSize: Int
    /// What the pseudo-headers of all segments share: addresses and protocol.
    @usableFromInline let sharedSum: UInt64
    /// How many packets the super-packet stands for; 1 if its payload fits one segment.
    public let segmentCount: Int

    /// A segmenter for a TCP or UDP packet that `summary` describes.
    ///
    /// - Parameter segmentSize: Payload bytes of each segment but the last, at least 1.
    @inlinable public init(summary: PacketSummary, segmentSize: Int) {
        precondition(segmentSize >= 1)
        precondition(summary.transport == .tcp || summary.transport == .udp)
        self.summary = summary
        self.segmentSize = segmentSize
        self.segmentCount = max(1, (summary.payloadLength + segmentSize - 1) / segmentSize)
        self.sharedSum = InternetChecksum.pseudoHeaderSum(
            source: summary.source,
            destination: summary.destination,
            protocol: summary.transport,
            length: 0,
            version: summary.version
        )
    }

    /// Bytes of one segment with its headers.
    @inlinable public func length(ofSegment index: Int) -> Int {
        precondition((0..<segmentCount).contains(index))
        return summary.headerLength + min(segmentSize, summary.payloadLength - index * segmentSize)
    }

    /// Writes one segment to the front of `output`.
    ///
    /// - Parameters:
    ///   - index: From 0 to `segmentCount`, in any order.
    ///   - packet: The super-packet that the segmenter was made for.
    ///   - output: Has room for `length(ofSegment:)` bytes and does not overlap `packet`.
    /// - Returns: Bytes written.
    public func writeSegment(
        _ index: Int,
        of packet: RawSpan,
        into output: inout MutableRawSpan
    ) -> Int {
        let length = length(ofSegment: index)
        let offset = index * segmentSize
        output.copy(from: packet.prefix(summary.headerLength), at: 0)
        let payload = packet.slice(at: summary.headerLength + offset, count: length - summary.headerLength)
        let payloadSum = output.copyAndSum(from: payload, at: summary.headerLength)
        switch summary.version {
        case .v4: patchIPv4(&output, index: index, length: length)
        case .v6: output.store(UInt16(length - 40), at: 4)
        }
        switch summary.transport {
        case .tcp: patchTCP(&output, index: index, offset: offset)
        case .udp: output.store(UInt16(length - summary.ipHeaderLength), at: summary.ipHeaderLength + 4)
        case .icmp, .icmpv6: break
        }
        finishChecksum(&output, payloadSum: payloadSum, length: length)
        return length
    }

    private func patchIPv4(_ output: inout MutableRawSpan, index: Int, length: Int) {
        output.store(UInt16(length), at: 2)
        output.store(output.uint16(at: 4) &+ UInt16(truncatingIfNeeded: index), at: 4)
        output.store(0 as UInt16, at: 10)
        output.store(~InternetChecksum.fold(InternetChecksum.sum(output.bytes.prefix(20))), at: 10)
    }

    private func patchTCP(_ output: inout MutableRawSpan, index: Int, offset: Int) {
        let start = summary.ipHeaderLength
        output.store(output.uint32(at: start + 4) &+ UInt32(truncatingIfNeeded: offset), at: start + 4)
        var flags = output.byte(at: start + 13)
        // The end of the data is in the last segment; the window was reduced once (RFC 3168 §6.1.2).
        if index != segmentCount - 1 { flags &= ~(TCPFlags.fin | TCPFlags.psh) }
        if index != 0 { flags &= ~TCPFlags.cwr }
        output.store(flags, at: start + 13)
    }

    private func finishChecksum(_ output: inout MutableRawSpan, payloadSum: UInt64, length: Int) {
        let field = summary.offsetOfTransportChecksum
        if summary.transport == .udp && summary.version == .v4 && output.uint16(at: field) == 0 { return }
        output.store(0 as UInt16, at: field)
        let rest = sharedSum &+ payloadSum &+ UInt64(truncatingIfNeeded: length - summary.ipHeaderLength)
        let sum = InternetChecksum.sum(
            output.bytes.slice(at: summary.ipHeaderLength, count: summary.transportHeaderLength),
            initial: rest
        )
        let checksum = ~InternetChecksum.fold(sum)
        output.store(AddressRewriter.finished(checksum, transport: summary.transport), at: field)
    }
}
