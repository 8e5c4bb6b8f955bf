/// What the IP header says of a fragment (RFC 791 §3.1, RFC 8200 §4.5).
@frozen public struct FragmentFacts: Equatable, Sendable {
    /// Tells the fragments of one datagram from others with the same addresses and protocol.
    public var identification: UInt32
    /// Where the fragment's payload stands in that of its datagram, in bytes.
    public var offset: Int
    /// Bytes of the payload: all that follows the IP header and, in IPv6, the fragment header.
    public var length: Int
    /// True unless the fragment is the datagram's last.
    public var hasMore: Bool

    /// Where the payload of the next fragment begins.
    @inlinable public var end: Int { offset + length }

    /// Reads the facts of a packet that `PacketSummary(fragment:)` has accepted.
    public init(_ packet: RawSpan, summary: PacketSummary) {
        self.init(packet, version: summary.version)
    }

    /// - Parameter packet: at least as long as `headerLength` says.
    init(_ packet: RawSpan, version: IPVersion) {
        length = packet.byteCount - Self.headerLength(version)
        switch version {
        case .v4:
            let field = packet.uint16(at: 6)
            identification = UInt32(packet.uint16(at: 4))
            offset = Int(field & 0x1fff) * 8
            hasMore = field & 0x2000 != 0
        case .v6:
            let field = packet.uint16(at: 42)
            identification = packet.uint32(at: 44)
            offset = Int(field & 0xfff8)
            hasMore = field & 1 != 0
        }
    }

    /// Bytes before a fragment's payload.
    static func headerLength(_ version: IPVersion) -> Int { version == .v4 ? 20 : 48 }

    /// Throws unless the fragment can be a part of a datagram: no larger than one may be, the end in whole units of 8.
    func check(_ version: IPVersion) throws(RejectReason) {
        let longest = version == .v4 ? 65_535 - 20 : 65_535
        guard length > 0, end <= longest, !hasMore || length % 8 == 0 else { throw .invalidIPPacketLength }
    }
}

extension PacketSummary {
    /// Reads a fragment, and checks every length in it that can be checked without the rest of its datagram.
    ///
    /// For packets that `init(validating:)` refuses with `.fragment`. An IPv6 packet whose fragment header says that there
    /// is one fragment only (RFC 6946) counts as a first one.
    ///
    /// - Throws: the first reason found; `.fragmentTooShort` for a first fragment without the whole transport header.
    public init(fragment packet: RawSpan) throws(RejectReason) {
        let (version, number) = try Self.versionAndProtocol(ofFragment: packet)
        guard let transport = TransportProtocol(rawValue: number), transport.exists(in: version) else {
            throw .invalidIPHeaderProtocol
        }
        let facts = FragmentFacts(packet, version: version)
        try facts.check(version)
        self.version = version
        self.transport = transport
        ipHeaderLength = FragmentFacts.headerLength(version)
        packetLength = packet.byteCount
        source = version == .v4 ? IPAddress(ipv4: packet.uint32(at: 12)) : IPAddress(bits: packet.uint128(at: 8))
        destination = version == .v4 ? IPAddress(ipv4: packet.uint32(at: 16)) : IPAddress(bits: packet.uint128(at: 24))
        (sourcePort, destinationPort, tcpFlags, icmpType) = (0, 0, 0, 0)
        transportHeaderLength = 0
        fragment = facts.offset == 0 ? .first : .later
        if fragment == .first { try readTransport(packet.suffix(from: ipHeaderLength), hasMore: facts.hasMore) }
    }

    private static func versionAndProtocol(ofFragment packet: RawSpan) throws(RejectReason) -> (IPVersion, UInt8) {
        guard packet.byteCount >= 20 else { throw .invalidIPPacketLength }
        switch packet.byte(at: 0) >> 4 {
        case 4:
            guard packet.byte(at: 0) == 0x45 else { throw .invalidIPHeaderOptions }
            guard Int(packet.uint16(at: 2)) == packet.byteCount else { throw .invalidIPPacketLength }
            return (.v4, packet.byte(at: 9))
        case 6:
            guard packet.byteCount >= 48, packet.byteCount <= 65_535,
                Int(packet.uint16(at: 4)) == packet.byteCount - 40
            else { throw .invalidIPPacketLength }
            guard packet.byte(at: 6) == 44 else { throw .invalidIPHeaderOptions }
            return (.v6, packet.byte(at: 40))
        default: throw .invalidIPHeaderVersion
        }
    }

    /// Reads the transport header at the front of a first fragment's payload.
    private mutating func readTransport(_ payload: RawSpan, hasMore: Bool) throws(RejectReason) {
        guard payload.byteCount >= (transport == .tcp ? 20 : 8) else { throw .fragmentTooShort }
        switch transport {
        case .tcp:
            transportHeaderLength = Int(payload.byte(at: 12) >> 4) * 4
            guard transportHeaderLength >= 20 else { throw .invalidTCPPacketLength }
            guard transportHeaderLength <= payload.byteCount else { throw .fragmentTooShort }
            tcpFlags = payload.byte(at: 13)
        case .udp:
            transportHeaderLength = 8
            let length = Int(payload.uint16(at: 4))
            guard hasMore ? length > payload.byteCount : length == payload.byteCount else {
                throw .invalidUDPPacketLength
            }
            // RFC 8200 §8.1: a receiver of IPv6 must discard a datagram without a checksum.
            guard version == .v4 || payload.uint16(at: 6) != 0 else { throw .invalidUDPPacketLength }
        case .icmp, .icmpv6:
            transportHeaderLength = 8
            icmpType = payload.byte(at: 0)
            if ICMPMessage.isEcho(type: icmpType, version: version) { sourcePort = payload.uint16(at: 4) }
            return
        }
        sourcePort = payload.uint16(at: 0)
        destinationPort = payload.uint16(at: 2)
    }
}

extension TransportProtocol {
    /// True unless the protocol is the other family's ICMP.
    func exists(in version: IPVersion) -> Bool {
        switch self {
        case .tcp, .udp: true
        case .icmp: version == .v4
        case .icmpv6: version == .v6
        }
    }
}
