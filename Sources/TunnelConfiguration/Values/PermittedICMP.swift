public import OpenSSHSyntax

/// Which ICMP and ICMPv6 messages pass, beside TCP and UDP.
public enum PermittedICMP: String, ConfigurationChoice {
    /// None, as in the original packet tunnel.
    case none
    /// Errors that quote a packet of a known flow, so that path MTU discovery and traceroute work.
    case errors
    /// Echo requests of the client and their replies.
    case echo
    /// Both.
    case both

    /// True if errors pass.
    public var permitsErrors: Bool { self == .errors || self == .both }
    /// True if echo requests and replies pass.
    public var permitsEcho: Bool { self == .echo || self == .both }
}
