internal import IPPacket
public import Logging

/// A packet tunnel client: it relays packets between a local device and a server, over whatever transport it is given.
///
/// The device stays while transports come and go. Everything belongs to one loop; every member is for its thread,
/// and `LoopBound` carries the client there from elsewhere.
public final class PacketTunnelClient {
    /// What was carried and refused so far, over all connections.
    public internal(set) var counters = PacketCounters()
    /// While true, packets from the device are dropped as if there were no server.
    public var dropsTraffic = false

    let configuration: ClientConfiguration
    /// What of its policy every packet is asked about.
    let rules: PacketRules
    let loop: any PacketLoop
    let pool = PacketBufferPool()
    var writer: DeviceWriter
    /// Answers to refused packets of this host.
    var refusalBudget = TokenBucket(tokensPerSecond: 50, capacity: 100)
    var dns: ClientDNS
    /// What was decided about datagrams that come in fragments.
    var upstreamFragments = FragmentTable()
    var downstreamFragments = FragmentTable()
    var ownAddresses: OwnAddresses
    private(set) var connection: ClientConnection?
    private let reader: DeviceReader
    private let logger: Logger

    /// Makes a client over a device. Nothing is read before `start`.
    ///
    /// - Throws: `ConfigurationError` for the first value outside of its limits.
    public init(
        configuration: ClientConfiguration,
        loop: any PacketLoop,
        device: any PacketDevice,
        logger: Logger
    ) throws(ConfigurationError) {
        self.configuration = try configuration.validated()
        rules = PacketRules(configuration.policy)
        self.loop = loop
        self.logger = logger
        reader = DeviceReader(device: device, pool: pool)
        writer = DeviceWriter(device: device, pool: pool)
        ownAddresses = OwnAddresses(configuration.addresses)
        dns = ClientDNS(local: configuration.localDNSAddresses, transparent: configuration.transparentDNSAddresses)
    }

    /// Begins to read the device. Packets are dropped until a transport is connected.
    public func start() {
        reader.start { [self] in deviceIsReadable() }
    }

    /// Relays over `transport` from now on; a previous one is closed.
    ///
    /// - Parameter disconnected: called once, with the reason, when the transport has ended by itself.
    public func connect(
        _ transport: any PacketTransport,
        framing: ChannelFraming,
        disconnected: @escaping (String) -> Void
    ) {
        precondition(transport.loop === loop, "a client and its transport share a loop")
        connection?.end()
        ownAddresses.connected()
        let connection = ClientConnection(
            client: self,
            transport: transport,
            framing: framing,
            disconnected: disconnected
        )
        self.connection = connection
        transport.setReceiver(connection)
    }

    /// Sends queries to another server's transparent resolver from now on; those under way are lost with the server before.
    public func use(transparentDNSAddresses addresses: DNSResolvers) {
        guard addresses != dns.transparent else { return }
        dns = ClientDNS(local: configuration.localDNSAddresses, transparent: addresses)
    }

    /// Closes the transport and the device, and logs all counters as `packet_metrics`.
    public func stop() {
        connection?.end()
        connection = nil
        reader.stop()
        logger.info("\(SessionReport.clientEvent)", metadata: SessionReport.metadata(counters))
    }

    func connectionDidEnd(_ ended: ClientConnection) {
        if connection === ended { connection = nil }
    }

    func refuse(_ direction: PacketDirection, _ reason: RejectReason) {
        counters.refuse(direction, reason)
    }

    func refuse(_ direction: PacketDirection, _ dropped: DroppedTraffic) {
        counters.refuse(direction, dropped)
    }

    /// Reads a batch of packets, and sends what the channel takes.
    private func deviceIsReadable() {
        let isFlood = reader.readBatch(processUpstream)
        connection?.flush()
        if isFlood { loop.yieldProcessor() }
    }
}
