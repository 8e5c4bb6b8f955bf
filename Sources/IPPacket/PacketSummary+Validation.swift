extension PacketSummary {
    /// Reads a whole packet, as long as `packet`, and checks every length in it.
    ///
    /// Accepts TCP, UDP and ICMP of the packet's own family, up to 65,535 bytes; whether ICMP may pass is for policy to
    /// say. Checksums are not looked at: a wrong one stays wrong through a rewrite and ends at the receiver.
    ///
    /// - Throws: the first reason found, in the order IP header, fragment, protocol, transport header.
    @inlinable @inline(__always)
    public init(validating packet: RawSpan) throws(RejectReason) {
        guard packet.byteCount >= 1 else { throw .invalidIPPacketLength }
        switch packet.byte(at: 0) >> 4 {
        case 4:
            let transport = try Self.validateIPv4(packet)
            self.init(
                version: .v4,
                packetLength: packet.byteCount,
                source: IPAddress(ipv4: packet.uint32(at: 12)),
                destination: IPAddress(ipv4: packet.uint32(at: 16)),
                facts: try TransportFacts(validating: packet, transport: transport, version: .v4)
            )
        case 6:
            let transport = try Self.validateIPv6(packet)
            self.init(
                version: .v6,
                packetLength: packet.byteCount,
                source: IPAddress(bits: packet.uint128(at: 8)),
                destination: IPAddress(bits: packet.uint128(at: 24)),
                facts: try TransportFacts(validating: packet, transport: transport, version: .v6)
            )
        default: throw .invalidIPHeaderVersion
        }
    }

    @inlinable @inline(__always)
    init(version: IPVersion, packetLength: Int, source: IPAddress, destination: IPAddress, facts: TransportFacts) {
        self.version = version
        self.transport = facts.transport
        self.ipHeaderLength = version == .v4 ? 20 : 40
        self.transportHeaderLength = facts.headerLength
        self.packetLength = packetLength
        self.source = source
        self.destination = destination
        self.sourcePort = facts.sourcePort
        self.destinationPort = facts.destinationPort
        self.tcpFlags = facts.tcpFlags
        self.icmpType = facts.icmpType
        self.fragment = .whole
    }

    @inlinable @inline(__always)
    static func validateIPv4(_ packet: RawSpan) throws(RejectReason) -> TransportProtocol {
        guard packet.byteCount >= 20 else { throw .invalidIPPacketLength }
        guard packet.byte(at: 0) == 0x45 else { throw .invalidIPHeaderOptions }
        guard Int(packet.uint16(at: 2)) == packet.byteCount else { throw .invalidIPPacketLength }
        // "More fragments" and the offset; "don't fragment" and the reserved bit are no matter here (RFC 791 §3.1).
        guard packet.uint16(at: 6) & 0x3fff == 0 else { throw .fragment }
        switch packet.byte(at: 9) {
        case 6: return .tcp
        case 17: return .udp
        case 1: return .icmp
        default: throw .invalidIPHeaderProtocol
        }
    }

    @inlinable @inline(__always)
    static func validateIPv6(_ packet: RawSpan) throws(RejectReason) -> TransportProtocol {
        guard packet.byteCount >= 40, packet.byteCount <= 65_535,
            Int(packet.uint16(at: 4)) == packet.byteCount - 40
        else { throw .invalidIPPacketLength }
        switch packet.byte(at: 6) {
        case 6: return .tcp
        case 17: return .udp
        case 58: return .icmpv6
        case 44: throw .fragment
        // Extension headers (RFC 8200 §4, and IANA's list of them).
        case 0, 43, 50, 51, 59, 60, 135, 139, 140: throw .invalidIPHeaderOptions
        default: throw .invalidIPHeaderProtocol
        }
    }
}

/// What the transport header says; small enough for registers while a summary is put together.
@frozen @usableFromInline struct TransportFacts {
    @usableFromInline var transport: TransportProtocol
    @usableFromInline var headerLength = 8
    @usableFromInline var sourcePort: UInt16 = 0
    @usableFromInline var destinationPort: UInt16 = 0
    @usableFromInline var tcpFlags: UInt8 = 0
    @usableFromInline var icmpType: UInt8 = 0

    @inlinable @inline(__always)
    init(validating packet: RawSpan, transport: TransportProtocol, version: IPVersion) throws(RejectReason) {
        self.transport = transport
        let start = version == .v4 ? 20 : 40
        let length = packet.byteCount - start
        switch transport {
        case .tcp:
            guard length >= 20 else { throw .invalidTCPPacketLength }
            headerLength = Int(packet.byte(at: start + 12) >> 4) * 4
            guard headerLength >= 20, headerLength <= length else { throw .invalidTCPPacketLength }
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
            if ICMPMessage.isEcho(type: icmpType, version: version) { sourcePort = packet.uint16(at: start + 4) }
        }
    }
}
