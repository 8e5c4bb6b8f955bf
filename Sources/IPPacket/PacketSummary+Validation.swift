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
        switch packet.byte(at: IPv4Field.versionAndLength) >> 4 {
        case 4:
            let transport = try Self.validateIPv4(packet)
            self.init(
                version: .v4,
                packetLength: packet.byteCount,
                source: IPAddress(ipv4: packet.uint32(at: IPv4Field.source)),
                destination: IPAddress(ipv4: packet.uint32(at: IPv4Field.destination)),
                facts: try TransportFacts(validating: packet, transport: transport, version: .v4)
            )
        case 6:
            let transport = try Self.validateIPv6(packet)
            self.init(
                version: .v6,
                packetLength: packet.byteCount,
                source: IPAddress(bits: packet.uint128(at: IPv6Field.source)),
                destination: IPAddress(bits: packet.uint128(at: IPv6Field.destination)),
                facts: try TransportFacts(validating: packet, transport: transport, version: .v6)
            )
        default: throw .invalidIPHeaderVersion
        }
    }

    @inlinable @inline(__always)
    init(version: IPVersion, packetLength: Int, source: IPAddress, destination: IPAddress, facts: TransportFacts) {
        self.version = version
        self.transport = facts.transport
        self.ipHeaderLength = version == .v4 ? IPv4Field.headerLength : IPv6Field.headerLength
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
        guard packet.byte(at: IPv4Field.versionAndLength) == 0x45 else { throw .invalidIPHeaderOptions }
        guard Int(packet.uint16(at: IPv4Field.totalLength)) == packet.byteCount else { throw .invalidIPPacketLength }
        // "More fragments" and the offset; "don't fragment" and the reserved bit are no matter here (RFC 791 §3.1).
        guard packet.uint16(at: IPv4Field.fragment) & 0x3fff == 0 else { throw .fragment }
        switch packet.byte(at: IPv4Field.transport) {
        case 6: return .tcp
        case 17: return .udp
        case 1: return .icmp
        default: throw .invalidIPHeaderProtocol
        }
    }

    @inlinable @inline(__always)
    static func validateIPv6(_ packet: RawSpan) throws(RejectReason) -> TransportProtocol {
        guard packet.byteCount >= IPv6Field.headerLength, packet.byteCount <= greatestLength,
            Int(packet.uint16(at: IPv6Field.payloadLength)) == packet.byteCount - IPv6Field.headerLength
        else { throw .invalidIPPacketLength }
        switch packet.byte(at: IPv6Field.nextHeader) {
        case 6: return .tcp
        case 17: return .udp
        case 58: return .icmpv6
        case fragmentHeader: throw .fragment
        // Extension headers (RFC 8200 §4, and IANA's list of them).
        case 0, 43, 50, 51, 59, 60, 135, 139, 140: throw .invalidIPHeaderOptions
        default: throw .invalidIPHeaderProtocol
        }
    }
}

/// What the transport header says; small enough for registers while a summary is put together.
@frozen @usableFromInline struct TransportFacts {
    @usableFromInline var transport: TransportProtocol
    @usableFromInline var headerLength = UDPField.headerLength
    @usableFromInline var sourcePort: UInt16 = 0
    @usableFromInline var destinationPort: UInt16 = 0
    @usableFromInline var tcpFlags: UInt8 = 0
    @usableFromInline var icmpType: UInt8 = 0

    @inlinable @inline(__always)
    init(validating packet: RawSpan, transport: TransportProtocol, version: IPVersion) throws(RejectReason) {
        self.transport = transport
        let start = version == .v4 ? IPv4Field.headerLength : IPv6Field.headerLength
        let length = packet.byteCount - start
        switch transport {
        case .tcp:
            guard length >= TCPField.options else { throw .invalidTCPPacketLength }
            headerLength = Int(packet.byte(at: start + TCPField.dataOffset) >> 4) * 4
            guard headerLength >= TCPField.options, headerLength <= length else { throw .invalidTCPPacketLength }
            sourcePort = packet.uint16(at: start + TCPField.sourcePort)
            destinationPort = packet.uint16(at: start + TCPField.destinationPort)
            tcpFlags = packet.byte(at: start + TCPField.flags)
        case .udp:
            guard length >= UDPField.headerLength, Int(packet.uint16(at: start + UDPField.length)) == length else {
                throw .invalidUDPPacketLength
            }
            // RFC 8200 §8.1: a receiver of IPv6 must discard a datagram without a checksum.
            guard version == .v4 || packet.uint16(at: start + UDPField.checksum) != 0 else {
                throw .invalidUDPPacketLength
            }
            sourcePort = packet.uint16(at: start + UDPField.sourcePort)
            destinationPort = packet.uint16(at: start + UDPField.destinationPort)
        case .icmp, .icmpv6:
            guard length >= ICMPField.headerLength else { throw .invalidIPPacketLength }
            icmpType = packet.byte(at: start + ICMPField.type)
            if ICMPMessage.isEcho(type: icmpType, version: version) {
                sourcePort = packet.uint16(at: start + ICMPField.identifier)
            }
        }
    }
}
