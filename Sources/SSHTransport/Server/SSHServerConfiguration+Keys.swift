/// What a server puts up with from the connections of one key.
extension SSHServerConfiguration {
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
}
