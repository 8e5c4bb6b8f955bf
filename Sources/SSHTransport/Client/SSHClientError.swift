/// Why a client has no connection: what kind of failure, what happened, and what to do.
public struct SSHClientError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is; programs map it to their exit code and decide by it whether to try again.
    public enum Kind: Sendable, Hashable {
        /// The caller asked for something that does not exist: an option, a value.
        case usage
        /// No SSH server answers: name, route, port, or silence.
        case unreachable
        /// The server is there but cannot serve now; trying again later may help.
        case temporary
        /// The server's key is not known, and nobody has confirmed it.
        case hostKeyUnknown
        /// The server's key is not the one that is known, or is revoked.
        case hostKeyChanged
        /// The two sides do not understand each other, or the server broke the rules.
        case protocolViolation
        /// The server refuses this user, these keys, or the tunnel.
        case permission
        /// A configuration file cannot be used.
        case configuration
    }

    /// The keys of a host key failure.
    public struct HostKeys: Sendable, Equatable {
        /// The key that the server has shown.
        public let offered: SSHPublicKey
        /// The key that it should have shown; nil for an unknown host.
        public let known: SSHPublicKey?
        /// Where `known` is written, as `path:line`.
        public let location: String?
    }

    /// The kind of failure.
    public let kind: Kind
    /// What happened and what to do about it, in one line or a few, without a full stop at the end.
    public let reason: String
    /// Present for `hostKeyUnknown` and `hostKeyChanged`.
    public let hostKeys: HostKeys?

    /// Describes a failure.
    public init(_ kind: Kind, _ reason: String, hostKeys: HostKeys? = nil) {
        self.kind = kind
        self.reason = reason
        self.hostKeys = hostKeys
    }

    private var isOfJumpHost = false

    /// The same, told as a jump host's own.
    func ofJumpHost(_ name: String) -> SSHClientError {
        guard !isOfJumpHost else { return self }
        var error = SSHClientError(kind, "jump host \(name): \(reason)", hostKeys: hostKeys)
        error.isOfJumpHost = true
        return error
    }

    /// The reason.
    public var description: String { reason }
}
