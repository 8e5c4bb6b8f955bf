public import IPPacket

/// What a server puts up with from single sources of connections.
extension SSHServerConfiguration {
    /// Leading bits of an address that make one source (`PerSourceNetBlockSize`).
    public struct NetBlockSize: Sendable, Hashable {
        /// 0 to 32.
        public var ipv4: Int
        /// 0 to 128.
        public var ipv6: Int

        /// The two lengths. By default an IPv6 network of 64 bits is one source, because a host there has as many addresses
        /// as it likes.
        public init(ipv4: Int = 32, ipv6: Int = 64) {
            self.ipv4 = ipv4
            self.ipv6 = ipv6
        }
    }

    /// What one key's connections may take together.
    public struct KeyLimits: Sendable, Hashable {
        /// Connections that have no tunnel. With more, the oldest is ended.
        public var connectionsWithoutTunnel = 32
        /// Time for which a connection may be without a tunnel, however many there are.
        public var patience: Duration = .seconds(2)
        /// Commands in a second, in the long run.
        public var commandsPerSecond = 10.0
        /// Commands at once.
        public var commandBurst = 100.0

        /// Everything at its default.
        public init() {}
    }

    /// For how long a source is refused after what it did (`PerSourcePenalties`). Penalties add up; sources from which
    /// somebody has logged in lately have none.
    public struct Penalties: Sendable, Hashable {
        /// What happens when there are more sources than are kept.
        public enum Overflow: Sendable, Hashable {
            /// The penalties that end soonest are forgotten.
            case permissive
            /// Nobody else is let in.
            case denyAll
        }

        /// False: no penalty is ever given.
        public var isEnabled = true
        /// For a connection that ends after refused attempts to authenticate.
        public var authenticationFailure: Duration = .seconds(5)
        /// The same where the user has no key here, or may not log in.
        public var invalidUser: Duration = .seconds(5)
        /// For a connection that ends without an attempt. None by default: a client that does not accept the host key, and a
        /// monitor, come again and again.
        public var noAuthentication: Duration = .zero
        /// For a connection that uses up `LoginGraceTime`.
        public var graceExceeded: Duration = .seconds(10)
        /// The sum from which on a source is refused.
        public var least: Duration = .seconds(15)
        /// The sum that is not exceeded.
        public var greatest: Duration = .seconds(600)
        /// IPv4 sources that are kept.
        public var sourceLimitIPv4 = 65_536
        /// IPv6 sources that are kept.
        public var sourceLimitIPv6 = 65_536
        /// What happens with more IPv4 sources.
        public var overflowIPv4 = Overflow.permissive
        /// What happens with more IPv6 sources.
        public var overflowIPv6 = Overflow.permissive
        /// Networks that have no penalties (`PerSourcePenaltyExemptList`).
        public var exemptions: [IPPrefix] = []

        /// Everything at its default.
        public init() {}
    }
}
