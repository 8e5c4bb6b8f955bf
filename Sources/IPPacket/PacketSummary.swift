/// The transport protocols that the tunnel knows; raw values are the IANA protocol numbers.
@frozen public enum TransportProtocol: UInt8, CaseIterable, Sendable {
    case icmp = 1
    case tcp = 6
    case udp = 17
    case icmpv6 = 58
}

/// The two versions of IP.
@frozen public enum IPVersion: UInt8, CaseIterable, Sendable {
    case v4 = 4
    case v6 = 6
}

/// Which part of a datagram a packet carries.
@frozen public enum FragmentPart: UInt8, Sendable {
    /// All of it: the packet is no fragment.
    case whole
    /// The first fragment, which has the transport header.
    case first
    /// Another fragment: it has no transport header, so no ports.
    case later
}

/// The facts about one packet, after one pass that checked every length in it.
///
/// Whoever holds a summary of a packet may read and write each of its header fields without checking again.
@frozen public struct PacketSummary: Equatable, Sendable {
    /// The version of the IP header.
    public var version: IPVersion
    /// What follows the IP header.
    public var transport: TransportProtocol
    /// Bytes before the transport header: 20 or 40, since options and extension headers are refused; 48 in an IPv6
    /// fragment, whose fragment header counts.
    public var ipHeaderLength: Int
    /// Bytes of the TCP header with its options, 8 for UDP and ICMP, 0 in a later fragment.
    public var transportHeaderLength: Int
    /// Bytes of the whole packet.
    public var packetLength: Int
    /// The source address.
    public var source: IPAddress
    /// The destination address.
    public var destination: IPAddress
    /// The source port; for an ICMP echo its identifier, otherwise 0.
    public var sourcePort: UInt16
    /// The destination port; 0 for ICMP.
    public var destinationPort: UInt16
    /// The TCP flags (byte 13 of the header); 0 for other protocols.
    public var tcpFlags: UInt8
    /// The ICMP type of either family; 0 for other protocols.
    public var icmpType: UInt8
    /// Which part of a datagram the packet carries. `FragmentFacts` has the rest of a fragment's header.
    public var fragment: FragmentPart

    /// Most bytes of a packet that the tunnel carries: the largest IPv4 total length.
    @inlinable public static var greatestLength: Int { 65_535 }
    /// The next header that says that a packet is a fragment (RFC 8200 §4.5).
    @inlinable static var fragmentHeader: UInt8 { 44 }

    /// Bytes before the payload.
    @inlinable public var headerLength: Int { ipHeaderLength + transportHeaderLength }
    /// Bytes of the payload.
    @inlinable public var payloadLength: Int { packetLength - headerLength }

    /// Where the transport checksum stands, from the start of the packet. Later fragments have none.
    @inlinable public var offsetOfTransportChecksum: Int {
        switch transport {
        case .tcp: ipHeaderLength + TCPField.checksum
        case .udp: ipHeaderLength + UDPField.checksum
        case .icmp, .icmpv6: ipHeaderLength + ICMPField.checksum
        }
    }

    /// True for an ICMP echo request or reply of either family; `sourcePort` is its identifier then.
    @inlinable public var isEcho: Bool {
        switch transport {
        case .icmp: ICMPMessage.isEcho(type: icmpType, version: .v4)
        case .icmpv6: ICMPMessage.isEcho(type: icmpType, version: .v6)
        case .tcp, .udp: false
        }
    }

    /// True for an ICMP error of either family: it quotes the packet that it complains about.
    @inlinable public var isICMPError: Bool {
        switch transport {
        case .icmp: ICMPMessage.isError(type: icmpType, version: .v4)
        case .icmpv6: ICMPMessage.isError(type: icmpType, version: .v6)
        case .tcp, .udp: false
        }
    }
}
