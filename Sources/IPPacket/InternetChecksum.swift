/// The one's complement checksum of IP, TCP, UDP and ICMP (RFC 1071), whole and by difference (RFC 1624).
///
/// A *sum* is an unfolded `UInt64` of 16-bit words read big-endian: sums may be added to each other with `&+`, and
/// `fold` brings them to 16 bits. A *checksum* is what stands in a header: the complement of the folded sum.
public enum InternetChecksum {
    /// The sum of `bytes`, added to `initial`. Only the last of several pieces may have an odd length.
    @inlinable public static func sum(_ bytes: RawSpan, initial: UInt64 = 0) -> UInt64 {
        initial &+ UInt64(UInt16(bigEndian: fold(bytes.machineWordSum())))
    }

    /// Brings a sum to 16 bits, with the carries added back in. 0 only for a sum of 0.
    @inlinable public static func fold(_ sum: UInt64) -> UInt16 {
        var folded = (sum & 0xffff_ffff) &+ (sum >> 32)
        folded = (folded & 0xffff) &+ (folded >> 16)
        folded = (folded & 0xffff) &+ (folded >> 16)
        folded = (folded & 0xffff) &+ (folded >> 16)
        return UInt16(truncatingIfNeeded: folded)
    }

    /// The sum of the words of a 32-bit value.
    @inlinable public static func sum(of value: UInt32) -> UInt64 { UInt64(value) }

    /// The sum of the words of a 128-bit value.
    @inlinable public static func sum(of value: UInt128) -> UInt64 {
        let high = UInt64(truncatingIfNeeded: value >> 64)
        let low = UInt64(truncatingIfNeeded: value)
        return (high >> 32) &+ (high & 0xffff_ffff) &+ (low >> 32) &+ (low & 0xffff_ffff)
    }

    /// The sum to add to another one when `old` gives way to `new` (the `~m + m'` of RFC 1624 §3).
    @inlinable static func difference(removing old: UInt16, adding new: UInt16) -> UInt64 {
        UInt64(~old) &+ UInt64(new)
    }

    /// The same for 32 bits.
    @inlinable static func difference(removing old: UInt32, adding new: UInt32) -> UInt64 {
        UInt64(~old) &+ UInt64(new)
    }

    /// The same for 128 bits.
    @inlinable static func difference(removing old: UInt128, adding new: UInt128) -> UInt64 {
        sum(of: ~old) &+ sum(of: new)
    }

    /// A checksum after words whose difference is `difference` have changed.
    ///
    /// RFC 1624 equation 3, and not RFC 1141's shorter form, which can turn 0 into 0xffff.
    @inlinable static func apply(_ difference: UInt64, to checksum: UInt16) -> UInt16 {
        ~fold(UInt64(~checksum) &+ difference)
    }

    /// The checksum after a 16-bit word of the covered bytes has changed from `old` to `new`.
    @inlinable public static func adjust(checksum: UInt16, removing old: UInt16, adding new: UInt16) -> UInt16 {
        apply(difference(removing: old, adding: new), to: checksum)
    }

    /// The checksum after a 32-bit value at an even offset has changed from `old` to `new`.
    @inlinable public static func adjust(checksum: UInt16, removing old: UInt32, adding new: UInt32) -> UInt16 {
        apply(difference(removing: old, adding: new), to: checksum)
    }

    /// The checksum after a 128-bit value at an even offset has changed from `old` to `new`.
    @inlinable public static func adjust(checksum: UInt16, removing old: UInt128, adding new: UInt128) -> UInt16 {
        apply(difference(removing: old, adding: new), to: checksum)
    }
}

extension InternetChecksum {
    /// The sum of the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 §3.1, RFC 8200 §8.1).
    ///
    /// - Parameter length: Bytes of the transport header and its payload.
    @inlinable public static func pseudoHeaderSum(
        source: IPAddress,
        destination: IPAddress,
        protocol transport: TransportProtocol,
        length: Int,
        version: IPVersion
    ) -> UInt64 {
        let rest = UInt64(transport.rawValue) &+ UInt64(truncatingIfNeeded: length)
        switch version {
        case .v4: return rest &+ sum(of: source.ipv4) &+ sum(of: destination.ipv4)
        case .v6: return rest &+ sum(of: source.bits) &+ sum(of: destination.bits)
        }
    }

    /// The sum of the pseudo-header of a packet; 0 for ICMP in IPv4, which has none (RFC 792).
    @inlinable public static func pseudoHeaderSum(_ summary: PacketSummary) -> UInt64 {
        guard summary.transport != .icmp else { return 0 }
        return pseudoHeaderSum(
            source: summary.source,
            destination: summary.destination,
            protocol: summary.transport,
            length: summary.packetLength - summary.ipHeaderLength,
            version: summary.version
        )
    }

    /// True if every checksum of a whole packet is right: IPv4 header and transport. No UDP checksum in IPv4 is right.
    @inlinable public static func isValid(_ packet: RawSpan, summary: PacketSummary) -> Bool {
        if summary.version == .v4 {
            guard fold(sum(packet.prefix(IPv4Field.headerLength))) == 0xffff else { return false }
            if summary.transport == .udp && packet.uint16(at: summary.offsetOfTransportChecksum) == 0 { return true }
        }
        let transport = packet.slice(
            at: summary.ipHeaderLength,
            count: summary.packetLength - summary.ipHeaderLength
        )
        return fold(sum(transport, initial: pseudoHeaderSum(summary))) == 0xffff
    }
}
