internal import PacketTunnel
internal import SSHTransport

/// What the control socket answers to `status`.
struct DaemonStatus: Encodable {
    /// The figures of the server as a whole; for root alone.
    var server: ServerStatus?
    /// How the resolvers answer, where `DNSFlowTracking` is on; for root alone.
    var dns: [DNSQuality.Status]?
    /// What every key takes; for root alone.
    var keys: [SSHServerKeyStatus]?
    /// How many flows every key's tunnels may have together; for root alone.
    var flows: [FlowShares.Status]?
    /// What the kernel remembers of every key's connections; for root alone.
    var tracking: [TrackedConnections.Status]?
    /// The sessions of the user who asks, or of all for root.
    var sessions: [SessionStatus]
}
