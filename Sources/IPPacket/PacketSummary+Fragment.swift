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
            let field = packet.uint16(at: IPv4Field.fragment)
            identification = UInt32(packet.uint16(at: IPv4Field.identification))
            offset = Int(field & 0x1fff) * 8
            hasMore = field & 0x2000 != 0
        case .v6:
            let field = packet.uint16(at: IPv6FragmentField.offsetAndMore)
            identification = packet.uint32(at: IPv6FragmentField.identification)
            offset = Int(field & 0xfff8)
            hasMore = field & 1 != 0
        }
    }

    /// Bytes before a fragment's payload.
    static func headerLength(_ version: IPVersion) -> Int {
        version == .v4 ? IPv4Field.headerLength : IPv6FragmentField.headersLength
    }

    /// Throws unless the fragment can be a part of a datagram: no larger than one may be, the end in whole units of 8.
    func check(_ version: IPVersion) throws(RejectReason) {
        let longest = PacketSummary.greatestLength - (version == .v4 ? IPv4Field.headerLength : 0)
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
        (source, destination) = Self.addresses(in: packet, version)
        (sourcePort, destinationPort, tcpFlags, icmpType) = (0, 0, 0, 0)
        transportHeaderLength = 0
        fragment = facts.offset == 0 ? .first : .later
        if fragment == .first { try readTransport(packet.suffix(from: ipHeaderLength), hasMore: facts.hasMore) }
    }

    /// The addresses of a packet whose IP header is all there.
    @inlinable static func addresses(in packet: RawSpan, _ version: IPVersion) -> (IPAddress, IPAddress) {
        switch version {
        case .v4:
            (
                IPAddress(ipv4: packet.uint32(at: IPv4Field.source)),
                IPAddress(ipv4: packet.uint32(at: IPv4Field.destination))
            )
        case .v6:
            (
                IPAddress(bits: packet.uint128(at: IPv6Field.source)),
                IPAddress(bits: packet.uint128(at: IPv6Field.destination))
            )
        }
    }

    private static func versionAndProtocol(ofFragment packet: RawSpan) throws(RejectReason) -> (IPVersion, UInt8) {
        guard packet.byteCount >= IPv4Field.headerLength else { throw .invalidIPPacketLength }
        switch packet.byte(at: IPv4Field.versionAndLength) >> 4 {
        case 4:
            guard packet.byte(at: IPv4Field.versionAndLength) == 0x45 else { throw .invalidIPHeaderOptions }
            guard Int(packet.uint16(at: IPv4Field.totalLength)) == packet.byteCount else {
                throw .invalidIPPacketLength
            }
            return (.v4, packet.byte(at: IPv4Field.transport))
        case 6:
            guard packet.byteCount >= IPv6FragmentField.headersLength, packet.byteCount <= greatestLength,
                Int(packet.uint16(at: IPv6Field.payloadLength)) == packet.byteCount - IPv6Field.headerLength
            else { throw .invalidIPPacketLength }
            guard packet.byte(at: IPv6Field.nextHeader) == fragmentHeader else { throw .invalidIPHeaderOptions }
            return (.v6, packet.byte(at: IPv6FragmentField.nextHeader))
        default: throw .invalidIPHeaderVersion
        }
    }

    /// Reads the transport header at the front of a first fragment's payload.
    private mutating func readTransport(_ payload: RawSpan, hasMore: Bool) throws(RejectReason) {
        guard payload.byteCount >= (transport == .tcp ? TCPField.options : UDPField.headerLength) else {
            throw .fragmentTooShort
        }
        switch transport {
        case .tcp:
            transportHeaderLength = Int(payload.byte(at: TCPField.dataOffset) >> 4) * 4
            guard transportHeaderLength >= TCPField.options else { throw .invalidTCPPacketLength }
            guard transportHeaderLength <= payload.byteCount else { throw .fragmentTooShort }
            tcpFlags = payload.byte(at: TCPField.flags)
        case .udp:
            transportHeaderLength = UDPField.headerLength
            let length = Int(payload.uint16(at: UDPField.length))
            guard hasMore ? length > payload.byteCount : length == payload.byteCount else {
                throw .invalidUDPPacketLength
            }
            // RFC 8200 §8.1: a receiver of IPv6 must discard a datagram without a checksum.
            guard version == .v4 || payload.uint16(at: UDPField.checksum) != 0 else { throw .invalidUDPPacketLength }
        case .icmp, .icmpv6:
            transportHeaderLength = ICMPField.headerLength
            icmpType = payload.byte(at: ICMPField.type)
            if ICMPMessage.isEcho(type: icmpType, version: version) {
                sourcePort = payload.uint16(at: ICMPField.identifier)
            }
            return
        }
        // The same in both protocols.
        sourcePort = payload.uint16(at: TCPField.sourcePort)
        destinationPort = payload.uint16(at: TCPField.destinationPort)
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
