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
        case .v4: patchIPv4(&output, of: packet, index: index, length: length)
        case .v6: output.store(UInt16(length - IPv6Field.headerLength), at: IPv6Field.payloadLength)
        }
        let sum = sharedSum &+ payloadSum &+ UInt64(truncatingIfNeeded: length - summary.ipHeaderLength)
        switch summary.transport {
        case .tcp: patchTCP(&output, of: packet, index: index, sum: sum)
        case .udp: patchUDP(&output, of: packet, length: length - summary.ipHeaderLength, sum: sum)
        case .icmp, .icmpv6: break
        }
        return length
    }

    // The sums of the new headers are those of the old ones and what differs: summing bytes that have only just been
    // stored piece by piece would stall the processor until they have left its store buffer.

    private func patchIPv4(_ output: inout MutableRawSpan, of packet: RawSpan, index: Int, length: Int) {
        let identification = packet.uint16(at: IPv4Field.identification)
        let newIdentification = identification &+ UInt16(truncatingIfNeeded: index)
        let sum =
            InternetChecksum.sum(packet.prefix(IPv4Field.headerLength))
            &+ UInt64(~packet.uint16(at: IPv4Field.checksum))
            &+ InternetChecksum.difference(removing: packet.uint16(at: IPv4Field.totalLength), adding: UInt16(length))
            &+ InternetChecksum.difference(removing: identification, adding: newIdentification)
        output.store(UInt16(length), at: IPv4Field.totalLength)
        output.store(newIdentification, at: IPv4Field.identification)
        output.store(~InternetChecksum.fold(sum), at: IPv4Field.checksum)
    }

    private func patchTCP(_ output: inout MutableRawSpan, of packet: RawSpan, index: Int, sum: UInt64) {
        let start = summary.ipHeaderLength
        let sequence = packet.uint32(at: start + TCPField.sequence)
        let newSequence = sequence &+ UInt32(truncatingIfNeeded: index * segmentSize)
        // The data offset and the flags.
        let control = packet.uint16(at: start + TCPField.dataOffset)
        var newControl = control
        // The end of the data is in the last segment; the window was reduced once (RFC 3168 §6.1.2).
        if index != segmentCount - 1 { newControl &= ~UInt16(TCPFlags.fin | TCPFlags.psh) }
        if index != 0 { newControl &= ~UInt16(TCPFlags.cwr) }
        let header = packet.slice(at: start, count: summary.transportHeaderLength)
        let total =
            InternetChecksum.sum(header, initial: sum) &+ UInt64(~packet.uint16(at: start + TCPField.checksum))
            &+ InternetChecksum.difference(removing: sequence, adding: newSequence)
            &+ InternetChecksum.difference(removing: control, adding: newControl)
        output.store(newSequence, at: start + TCPField.sequence)
        output.store(newControl, at: start + TCPField.dataOffset)
        output.store(~InternetChecksum.fold(total), at: start + TCPField.checksum)
    }

    private func patchUDP(_ output: inout MutableRawSpan, of packet: RawSpan, length: Int, sum: UInt64) {
        let start = summary.ipHeaderLength
        output.store(UInt16(length), at: start + UDPField.length)
        if summary.version == .v4 && packet.uint16(at: start + UDPField.checksum) == 0 { return }
        let ports = UInt64(packet.uint32(at: start + UDPField.sourcePort))
        let total = sum &+ ports &+ UInt64(truncatingIfNeeded: length)
        let checksum = AddressRewriter.finished(~InternetChecksum.fold(total), transport: .udp)
        output.store(checksum, at: start + UDPField.checksum)
    }
}
