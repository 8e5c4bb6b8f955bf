/// Changes addresses and ports in place, and every checksum that covers them by difference (RFC 1624).
///
/// A wrong checksum stays exactly as wrong as it was. `checksumIsPartial` is `PacketOffload`'s: the transport checksum
/// field holds the folded sum of the pseudo-header, not complemented.
public enum AddressRewriter {
    /// Replaces the source address, and the summary's with it. The new address must be of the packet's family.
    @inlinable public static func replaceSource(
        of packet: inout MutableRawSpan,
        summary: inout PacketSummary,
        with address: IPAddress,
        checksumIsPartial: Bool
    ) {
        let difference = difference(summary.version, removing: summary.source, adding: address)
        switch summary.version {
        case .v4:
            packet.store(address.ipv4, at: IPv4Field.source)
            adjustIPv4Header(of: &packet, by: difference)
        case .v6: packet.store(address.bits, at: IPv6Field.source)
        }
        adjustPseudoHeader(of: &packet, summary: summary, by: difference, isPartial: checksumIsPartial)
        summary.source = address
    }

    /// Replaces the destination address, and the summary's with it. The new address must be of the packet's family.
    @inlinable public static func replaceDestination(
        of packet: inout MutableRawSpan,
        summary: inout PacketSummary,
        with address: IPAddress,
        checksumIsPartial: Bool
    ) {
        let difference = difference(summary.version, removing: summary.destination, adding: address)
        switch summary.version {
        case .v4:
            packet.store(address.ipv4, at: IPv4Field.destination)
            adjustIPv4Header(of: &packet, by: difference)
        case .v6: packet.store(address.bits, at: IPv6Field.destination)
        }
        adjustPseudoHeader(of: &packet, summary: summary, by: difference, isPartial: checksumIsPartial)
        summary.destination = address
    }

    /// Replaces the source port, or the identifier of an ICMP echo, and the summary's with it.
    @inlinable public static func replaceSourcePort(
        of packet: inout MutableRawSpan,
        summary: inout PacketSummary,
        with port: UInt16,
        checksumIsPartial: Bool
    ) {
        let isEcho = summary.isEcho
        precondition(isEcho || summary.transport == .tcp || summary.transport == .udp)
        packet.store(port, at: summary.ipHeaderLength + (isEcho ? ICMPField.identifier : TCPField.sourcePort))
        // The pseudo-header has no ports, so a partial checksum does not know of them yet.
        if !checksumIsPartial {
            let difference = InternetChecksum.difference(removing: summary.sourcePort, adding: port)
            adjustTransport(of: &packet, summary: summary, by: difference)
        }
        summary.sourcePort = port
    }

    /// Replaces the destination port of a TCP or UDP packet, and the summary's with it.
    @inlinable public static func replaceDestinationPort(
        of packet: inout MutableRawSpan,
        summary: inout PacketSummary,
        with port: UInt16,
        checksumIsPartial: Bool
    ) {
        precondition(summary.transport == .tcp || summary.transport == .udp)
        packet.store(port, at: summary.ipHeaderLength + TCPField.destinationPort)
        if !checksumIsPartial {
            let difference = InternetChecksum.difference(removing: summary.destinationPort, adding: port)
            adjustTransport(of: &packet, summary: summary, by: difference)
        }
        summary.destinationPort = port
    }
}

extension AddressRewriter {
    /// Turns a partial transport checksum into a finished one. The packet must not be a super-packet any more.
    @inlinable public static func completeChecksum(of packet: inout MutableRawSpan, summary: PacketSummary) {
        let length = summary.packetLength - summary.ipHeaderLength
        // The field itself is the pseudo-header's share of the sum.
        let sum = InternetChecksum.sum(packet.bytes.slice(at: summary.ipHeaderLength, count: length))
        let checksum = finished(~InternetChecksum.fold(sum), transport: summary.transport)
        packet.store(checksum, at: summary.offsetOfTransportChecksum)
    }

    /// Puts the sum of the pseudo-header where the transport checksum was, for a device that finishes it.
    @inlinable public static func makeChecksumPartial(of packet: inout MutableRawSpan, summary: PacketSummary) {
        let sum = InternetChecksum.pseudoHeaderSum(summary)
        packet.store(InternetChecksum.fold(sum), at: summary.offsetOfTransportChecksum)
    }

    /// RFC 768: a computed checksum of 0 is sent as all ones, since 0 says that there is none.
    @inlinable static func finished(_ checksum: UInt16, transport: TransportProtocol) -> UInt16 {
        transport == .udp && checksum == 0 ? 0xffff : checksum
    }

    @inlinable static func difference(
        _ version: IPVersion,
        removing old: IPAddress,
        adding new: IPAddress
    ) -> UInt64 {
        precondition(new.isIPv4 == (version == .v4), "an address of the packet's own family")
        switch version {
        case .v4: return InternetChecksum.difference(removing: old.ipv4, adding: new.ipv4)
        case .v6: return InternetChecksum.difference(removing: old.bits, adding: new.bits)
        }
    }

    @inlinable @inline(__always)
    static func adjustIPv4Header(of packet: inout MutableRawSpan, by difference: UInt64) {
        let old = packet.uint16(at: IPv4Field.checksum)
        packet.store(InternetChecksum.apply(difference, to: old), at: IPv4Field.checksum)
    }

    /// Applies a change of an address, which only the pseudo-header covers.
    @inlinable @inline(__always)
    static func adjustPseudoHeader(
        of packet: inout MutableRawSpan,
        summary: PacketSummary,
        by difference: UInt64,
        isPartial: Bool
    ) {
        // The checksum of a datagram stands in its first fragment.
        guard summary.transport != .icmp, summary.fragment != .later else { return }
        guard isPartial else { return adjustTransport(of: &packet, summary: summary, by: difference) }
        let offset = summary.offsetOfTransportChecksum
        packet.store(InternetChecksum.fold(UInt64(packet.uint16(at: offset)) &+ difference), at: offset)
    }

    /// Applies a change of bytes that the finished transport checksum covers.
    @inlinable @inline(__always)
    static func adjustTransport(
        of packet: inout MutableRawSpan,
        summary: PacketSummary,
        by difference: UInt64
    ) {
        let offset = summary.offsetOfTransportChecksum
        let old = packet.uint16(at: offset)
        // A UDP sender in IPv4 may leave the checksum out (RFC 768); it is not ours to add.
        guard summary.transport != .udp || old != 0 else { return }
        packet.store(finished(InternetChecksum.apply(difference, to: old), transport: summary.transport), at: offset)
    }
}
