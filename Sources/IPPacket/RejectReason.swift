/// Why a packet is refused. One case per counter; the names are the ones that logs and metrics show.
@frozen public enum RejectReason: UInt8, Error, CaseIterable, Sendable {
    /// A packet from the device carries a destination address that no session leases.
    case noSession
    /// The session of a packet's destination has no client connected now.
    case noClient
    /// The length fields of the IP header and the bytes at hand disagree.
    case invalidIPPacketLength
    /// The version is neither 4 nor 6.
    case invalidIPHeaderVersion
    /// The IPv4 header carries options, or the IPv6 header an extension header.
    case invalidIPHeaderOptions
    /// The transport protocol is not one that the tunnel carries.
    case invalidIPHeaderProtocol
    /// The TCP header does not fit its packet, or its data offset is below 5.
    case invalidTCPPacketLength
    /// The UDP length and the bytes at hand disagree, or an IPv6 datagram has no checksum (RFC 8200 §8.1).
    case invalidUDPPacketLength
    /// The destination is not a permitted global unicast address.
    case invalidDestinationAddress
    /// The port checker of the client refuses this TCP destination.
    case disallowedTCPDestinationPort
    /// The port checker of the client refuses this UDP destination.
    case disallowedUDPDestinationPort
    /// The client has sent no packet of this family yet, so there is no address to write back.
    case noOriginalAddress
    /// A packet asks for the transparent resolver, and the server has none of that family.
    case noDNSResolvers
    /// A DNS query cannot be parsed; or, over TCP, its connection cannot be followed or a segment has to be sent again.
    case invalidDNSMessage
    /// The domain checker of the client refuses the name asked for.
    case disallowedDomain
    /// The source is not the address that this connection uses, or is no unicast address.
    case invalidSourceAddress
    /// The packet is an IP fragment, and fragments are refused.
    case fragment
    /// A fragment covers bytes of its datagram that another one has carried (RFC 5722); the rest of it is refused, too.
    case fragmentOverlap
    /// The first fragment of a datagram is too short for the transport header (RFC 1858, RFC 7112).
    case fragmentTooShort
    /// A later fragment belongs to no datagram whose first fragment has passed lately.
    case fragmentWithoutFirst
    /// The rest of an unfinished datagram was given up, because the client has too many of them.
    case fragmentLimit
    /// The queue towards the client or the channel is full.
    case queueFull
    /// A frame header contradicts the packet that it frames.
    case invalidFrame
    /// The client exceeds its permitted rate, of bytes or of new flows.
    case rateLimit
}

extension RejectReason: CustomStringConvertible {
    /// The counter's name in logs, metrics and on the control socket.
    public var description: String {
        switch self {
        case .noSession: "no_session"
        case .noClient: "no_client"
        case .invalidIPPacketLength: "invalid_ip_packet_length"
        case .invalidIPHeaderVersion: "invalid_ip_header_version"
        case .invalidIPHeaderOptions: "invalid_ip_header_options"
        case .invalidIPHeaderProtocol: "invalid_ip_header_protocol"
        case .invalidTCPPacketLength: "invalid_tcp_packet_length"
        case .invalidUDPPacketLength: "invalid_udp_packet_length"
        case .invalidDestinationAddress: "invalid_destination_address"
        case .disallowedTCPDestinationPort: "disallowed_tcp_destination_port"
        case .disallowedUDPDestinationPort: "disallowed_udp_destination_port"
        case .noOriginalAddress: "no_original_address"
        case .noDNSResolvers: "no_dns_resolvers"
        case .invalidDNSMessage: "invalid_dns_message"
        case .disallowedDomain: "disallowed_domain"
        case .invalidSourceAddress: "invalid_source_address"
        case .fragment: "fragment"
        case .fragmentOverlap: "fragment_overlap"
        case .fragmentTooShort: "fragment_too_short"
        case .fragmentWithoutFirst: "fragment_without_first"
        case .fragmentLimit: "fragment_limit"
        case .queueFull: "queue_full"
        case .invalidFrame: "invalid_frame"
        case .rateLimit: "rate_limit"
        }
    }
}
