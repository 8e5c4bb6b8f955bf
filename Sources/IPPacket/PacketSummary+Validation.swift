extension PacketSummary {
    /// Reads a whole packet, as long as `packet`, and checks every length in it.
    ///
    /// Accepts TCP, UDP and ICMP of the packet's own family, up to 65,535 bytes; whether ICMP may pass is for policy to
    /// say. Checksums are not looked at: a wrong one stays wrong through a rewrite and ends at the receiver.
    ///
    /// - Throws: the first reason found, in the order IP header, fragment, protocol, transport header.
    @inlinable public init(validating packet: RawSpan) throws(RejectReason) {
        guard packet.byteCount >= 1 else { throw .invalidIPPacketLength }
        switch packet.byte(at: 0) >> 4 {
        case 4: try self.init(validatingIPv4: packet)
        case 6: try self.init(validatingIPv6: packet)
        default: throw .invalidIPHeaderVersion
        }
    }

    @inlinable init(validatingIPv4 packet: RawSpan) throws(RejectReason) {
        guard packet.byteCount >= 20 else { throw .invalidIPPacketLength }
        guard packet.byte(at: 0) == 0x45 else { throw .invalidIPHeaderOptions }
        guard Int(packet.uint16(at: 2)) == packet.byteCount else { throw .invalidIPPacketLength }
        // "More fragments" and the offset; "don't fragment" and the reserved bit are no matter here (RFC 791 §3.1).
        guard packet.uint16(at: 6) & 0x3fff == 0 else { throw .fragment }
        let transport: TransportProtocol
        switch packet.byte(at: 9) {
        case 6: transport = .tcp
        case 17: transport = .udp
        case 1: transport = .icmp
        default: throw .invalidIPHeaderProtocol
        }
        self.init(
            version: .v4,
            transport: transport,
            ipHeaderLength: 20,
            transportHeaderLength: 8,
            packetLength: packet.byteCount,
            source: IPAddress(ipv4: packet.uint32(at: 12)),
            destination: IPAddress(ipv4: packet.uint32(at: 16)),
            sourcePort: 0,
            destinationPort: 0,
            tcpFlags: 0,
            icmpType: 0
        )
        try validateTransport(of: packet)
    }

    @inlinable init(validatingIPv6 packet: RawSpan) throws(RejectReason) {
        guard packet.byteCount >= 40 else { throw .invalidIPPacketLength }
        guard packet.byteCount <= 65_535, Int(packet.uint16(at: 4)) == packet.byteCount - 40 else {
            throw .invalidIPPacketLength
        }
        let transport: TransportProtocol
        switch packet.byte(at: 6) {
        case 6: transport = .tcp
        case 17: transport = .udp
        case 58: transport = .icmpv6
        case let other: throw Self.reason(forNextHeader: other)
        }
        self.init(
            version: .v6,
            transport: transport,
            ipHeaderLength: 40,
            transportHeaderLength: 8,
            packetLength: packet.byteCount,
            source: IPAddress(bits: packet.uint128(at: 8)),
            destination: IPAddress(bits: packet.uint128(at: 24)),
            sourcePort: 0,
            destinationPort: 0,
            tcpFlags: 0,
            icmpType: 0
        )
        try validateTransport(of: packet)
    }

    /// Why a next header is refused: an extension header (RFC 8200 §4, and IANA's list of them), or a protocol.
    @inlinable static func reason(forNextHeader nextHeader: UInt8) -> RejectReason {
        switch nextHeader {
        case 44: .fragment
        case 0, 43, 50, 51, 59, 60, 135, 139, 140: .invalidIPHeaderOptions
        default: .invalidIPHeaderProtocol
        }
    }

    @inlinable mutating func validateTransport(of packet: RawSpan) throws(RejectReason) {
        let start = ipHeaderLength
        let length = packet.byteCount - start
        switch transport {
        case .tcp:
            guard length >= 20 else { throw .invalidTCPPacketLength }
            transportHeaderLength = Int(packet.byte(at: start + 12) >> 4) * 4
            guard transportHeaderLength >= 20, transportHeaderLength <= length else { throw .invalidTCPPacketLength }
            sourcePort = packet.uint16(at: start)
            destinationPort = packet.uint16(at: start + 2)
            tcpFlags = packet.byte(at: start + 13)
        case .udp:
            guard length >= 8, Int(packet.uint16(at: start + 4)) == length else { throw .invalidUDPPacketLength }
            // RFC 8200 §8.1: a receiver of IPv6 must discard a datagram without a checksum.
            guard version == .v4 || packet.uint16(at: start + 6) != 0 else { throw .invalidUDPPacketLength }
            sourcePort = packet.uint16(at: start)
            destinationPort = packet.uint16(at: start + 2)
        case .icmp, .icmpv6:
            guard length >= 8 else { throw .invalidIPPacketLength }
            icmpType = packet.byte(at: start)
            if isEcho { sourcePort = packet.uint16(at: start + 4) }
        }
    }
}
