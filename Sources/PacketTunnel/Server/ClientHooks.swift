public import IPPacket

/// Whether traffic to a port of an address is permitted. Asked once per flow, on the client's loop; must be quick.
public typealias AllowedPortChecker = @Sendable (_ address: IPAddress, _ port: UInt16) -> Bool

/// Whether a name may be looked up: lower case, without a trailing dot. Asked on the client's loop; must be quick.
public typealias AllowedDomainChecker = @Sendable (_ domain: String) -> Bool

/// Hears of the progress of one flow. Called on the client's loop: within two seconds of any packet, about once a second while
/// packets come, and at once when a TCP connection ends. Must be quick; see `ClientHooks`.
public protocol FlowActivityUpdater: Sendable {
    /// All values are since the call before.
    ///
    /// - Parameter nanoseconds: how long packets came, up to the last one; silence after it does not count.
    func updateProgress(downstreamBytes: Int, upstreamBytes: Int, nanoseconds: UInt64)
}

/// Chooses the objects that hear of a new flow. `hostname` is empty where it is not known. Called on the client's loop; must be quick.
public typealias FlowActivityUpdaterMaker =
    @Sendable (_ hostname: String, _ address: IPAddress) -> [any FlowActivityUpdater]

/// Receives the application bytes carried since the last checkpoint. Called on the client's loop; must be quick.
public typealias MetricsUpdater = @Sendable (ApplicationBytes) -> Void

/// Hears how well a resolver does: once for each query, when its answer comes, or when its flow ends without one.
///
/// `nanoseconds` is how long the answer took, or how long none came. `resolver` is the one that the server sent the query
/// to. Called on the client's loop; must be quick.
public typealias DNSQualityReporter =
    @Sendable (_ receivedResponse: Bool, _ nanoseconds: UInt64, _ resolver: IPAddress) -> Void

/// The application bytes of a session between two checkpoints.
public struct ApplicationBytes: Equatable, Sendable {
    /// TCP payload towards the client.
    public var tcpDownstream: Int64 = 0
    /// TCP payload towards the internet.
    public var tcpUpstream: Int64 = 0
    /// UDP payload towards the client.
    public var udpDownstream: Int64 = 0
    /// UDP payload towards the internet.
    public var udpUpstream: Int64 = 0

    init(_ counters: PacketCounters) {
        tcpDownstream = counters.applicationBytes(.downstream, .tcp)
        tcpUpstream = counters.applicationBytes(.upstream, .tcp)
        udpDownstream = counters.applicationBytes(.downstream, .udp)
        udpUpstream = counters.applicationBytes(.upstream, .udp)
    }
}

/// What the embedder of a server wants to decide, or to hear, about one client. Every member has a harmless default.
///
/// Each is called on the loop of its client and outside of locks. While it runs, that loop carries nobody's packets, and every
/// other loop goes on: look up what is needed beforehand, and leave slow work to a task. A hook may ask the server whatever
/// it likes, `sessionCount` or `setPolicy(_:)`, and may begin a task that calls `clientDisconnected`. It is called in the
/// middle of a packet, so `clientConnected` for the same identity is for `loop.execute`, not for the hook itself.
public struct ClientHooks: Sendable {
    /// Permits TCP destinations.
    public var allowsTCPPort: AllowedPortChecker = { _, _ in true }
    /// Permits UDP destinations.
    public var allowsUDPPort: AllowedPortChecker = { _, _ in true }
    /// Permits destinations of ICMP echo requests, which have no port. Asked once per flow, as the other two are.
    public var allowsEcho: @Sendable (_ address: IPAddress) -> Bool = { _ in true }
    /// Permits names in DNS queries; nil permits all, and spares the parsing.
    public var allowsDomain: AllowedDomainChecker?
    /// Makes the updaters of a new flow.
    public var makeFlowActivityUpdaters: FlowActivityUpdaterMaker?
    /// Receives metrics at checkpoints: when the client disconnects, is taken over from, or the server stops, and every half
    /// hour while it stays and something was counted. Comes before `clientDisconnected` returns.
    public var updateMetrics: MetricsUpdater?
    /// Hears of every DNS query and its answer; nil measures none, and costs nothing (`EnableDNSFlowTracking` of the seed).
    public var reportDNSQuality: DNSQualityReporter?

    /// Bytes that may pass in each direction in a second; nil for no limit. What is above is dropped and counted.
    public var rateLimitInBytesPerSecond: UInt64?
    /// Flows that the client may have at a time, where that is less than the server's `flowLimit`; nil for that.
    public var flowLimit: Int?
    /// New flows that the client, and whoever else has the same allowance, may begin; nil for no limit. Packets that would begin
    /// more are dropped and counted as `RejectReason.rateLimit`.
    public var flowAllowance: FlowAllowance?
    /// Sessions that the client's key may have at a time; nil for no limit.
    public var maximumSessions: Int?

    /// Permits everything and reports nothing.
    public init() {}
}
