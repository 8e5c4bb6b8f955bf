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

/// What the sender of a refused packet is told.
public enum RefusalChoice: String, ConfigurationChoice {
    /// A reset over TCP, "administratively prohibited" otherwise.
    case reject
    /// Nothing.
    case drop
}

/// What becomes of IP fragments.
public enum FragmentChoice: String, ConfigurationChoice {
    /// Later fragments follow the first one of their datagram, which is judged like any packet.
    case carry
    /// They are refused.
    case refuse
}

/// How much is logged, in sshd's words.
public enum LogLevel: String, ConfigurationChoice {
    /// Nothing.
    case quiet = "QUIET"
    /// Only why the daemon ends.
    case fatal = "FATAL"
    /// And what failed.
    case error = "ERROR"
    /// And sessions that come and go.
    case info = "INFO"
    /// And what was refused, and why.
    case verbose = "VERBOSE"
    /// And steps of the protocol.
    case debug = "DEBUG"
    /// The same as `debug`.
    case debug1 = "DEBUG1"
    /// And its details.
    case debug2 = "DEBUG2"
    /// And the SSH library's own messages.
    case debug3 = "DEBUG3"
}

/// The form of log lines.
public enum LogFormat: String, ConfigurationChoice {
    /// For people: a sentence, then `name=value` pairs.
    case text
    /// For programs: one JSON object per line.
    case json
}
