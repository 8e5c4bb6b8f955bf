/// Lowers the maximum segment size that a TCP handshake announces, so that no segment needs more than the MTU.
///
/// Path MTU discovery alone does not do: the messages it lives on are lost on many paths (RFC 2923 §2.1).
public enum MSSClamp {
    /// Lowers the MSS option of a SYN or SYN-ACK to what fits `mtu`. Anything else, and a broken option list, stays.
    ///
    /// - Parameters:
    ///   - mtu: Bytes of the largest packet of the tunnel.
    ///   - checksumIsPartial: As in `PacketOffload`; a partial checksum does not cover options.
    @inlinable public static func clamp(
        _ packet: inout MutableRawSpan,
        summary: PacketSummary,
        mtu: Int,
        checksumIsPartial: Bool
    ) {
        guard summary.transport == .tcp, summary.tcpFlags & TCPFlags.syn != 0 else { return }
        lowerOption(of: &packet, summary: summary, mtu: mtu, checksumIsPartial: checksumIsPartial)
    }

    /// The part that few packets need, kept out of its callers.
    @usableFromInline static func lowerOption(
        of packet: inout MutableRawSpan,
        summary: PacketSummary,
        mtu: Int,
        checksumIsPartial: Bool
    ) {
        let limit = UInt16(clamping: mtu - summary.ipHeaderLength - TCPField.options)
        guard let offset = offsetOfValue(in: packet.bytes, summary: summary) else { return }
        let old = packet.uint16(at: offset)
        guard old > limit else { return }
        packet.store(limit, at: offset)
        guard !checksumIsPartial else { return }
        // Options may stand at odd offsets; the words of the sum then see the value's bytes swapped (RFC 1071 §2 B).
        let isOdd = (offset - summary.ipHeaderLength) % 2 == 1
        let checksum = packet.uint16(at: summary.offsetOfTransportChecksum)
        let adjusted = InternetChecksum.adjust(
            checksum: checksum,
            removing: isOdd ? old.byteSwapped : old,
            adding: isOdd ? limit.byteSwapped : limit
        )
        packet.store(adjusted, at: summary.offsetOfTransportChecksum)
    }

    /// Where the value of the MSS option stands (RFC 9293 §3.2); nil without one.
    private static func offsetOfValue(in packet: RawSpan, summary: PacketSummary) -> Int? {
        var options = TCPOptions(packet.prefix(summary.headerLength), from: summary.ipHeaderLength + TCPField.options)
        while let option = options.next() {
            guard option.kind == TCPOptions.Kind.maximumSegmentSize else { continue }
            return option.valueLength == 2 ? option.valueOffset : nil
        }
        return nil
    }
}
