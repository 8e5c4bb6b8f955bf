/// What the control socket grants to all its peers together, and to one user. Every connection costs a descriptor, one
/// with a tunnel two more.
public struct ControlLimits: Hashable, Sendable {
    /// Connections at a time.
    public var connections = 4_096
    /// Connections of one user at a time: many people may share one account of an sshd.
    public var connectionsPerUser = 1_024
    /// Time within which a connection must have asked, in nanoseconds, and within which it must take an answer.
    public var patience: UInt64 = 5_000_000_000

    /// The defaults.
    public init() {}
}
