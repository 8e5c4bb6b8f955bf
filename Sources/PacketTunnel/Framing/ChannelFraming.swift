/// How packets are laid into a transport. The name of the SSH channel type says it.
@frozen public enum ChannelFraming: String, CaseIterable, Sendable {
    /// A 16-bit length before each packet; what Psiphon's clients and servers speak.
    case psiphon = "tun@psiphon.ca"
    /// One message per packet, opened by the address family in OpenBSD's numbers; what stock `ssh -w` speaks.
    case openSSH = "tun@openssh.com"
    /// Super-packets carried whole; what our client speaks with our server.
    case gso = "tun-gso@packet-tunnel.internal"

    /// The SSH channel type that carries this framing.
    public var channelType: String { rawValue }

    /// Bytes before each packet.
    @inlinable public var headerLength: Int {
        switch self {
        case .psiphon: 2
        case .openSSH: 4
        case .gso: 6
        }
    }
}
