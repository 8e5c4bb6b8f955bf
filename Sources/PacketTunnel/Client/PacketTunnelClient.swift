internal import IPPacket
public import Logging

/// A packet tunnel client: it relays packets between a local device and a server, over whatever transport it is given.
///
/// The device stays while transports come and go. Everything belongs to one loop; every member is for its thread.
public final class PacketTunnelClient: @unchecked Sendable {
    /// What was carried and refused so far, over all connections.
    public private(set) var counters = PacketCounters()
    /// While true, packets from the device are dropped as if there were no server.
    public var dropsTraffic = false

    let configuration: ClientConfiguration
    let loop: any PacketLoop
    let pool = PacketBufferPool()
    var writer: DeviceWriter
    private let reader: DeviceReader
    private let logger: Logger
    private var dns: ClientDNS
    private var connection: ClientConnection?

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
        self.loop = loop
        self.logger = logger
        reader = DeviceReader(device: device, pool: pool)
        writer = DeviceWriter(device: device, pool: pool)
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
        let connection = ClientConnection(
            client: self,
            transport: transport,
            framing: framing,
            disconnected: disconnected
        )
        self.connection = connection
        transport.setReceiver(connection)
    }

    /// Closes the transport and the device, and logs all counters.
    public func stop() {
        logger.info("tunnel ended", metadata: SessionReport.metadata(counters))
        connection?.end()
        connection = nil
        reader.stop()
    }

    func connectionDidEnd(_ ended: ClientConnection) {
        if connection === ended { connection = nil }
    }

    func refuse(_ direction: PacketDirection, _ reason: RejectReason, count: Int = 1) {
        counters.refuse(direction, reason, count: count)
    }

    // MARK: Upstream: read, validate, filter, rewrite, enqueue

    private func deviceIsReadable() {
        let isFlood = reader.readBatch(processUpstream)
        connection?.flush()
        if isFlood { loop.giveWay() }
    }

    /// True if the buffer went into the queue.
    private func processUpstream(_ packet: PacketBuffer) -> Bool {
        do throws(RejectReason) {
            guard let connection, !dropsTraffic else { throw .noClient }
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
            var summary = try PacketSummary(validating: bytes.bytes)
            try admitUpstream(summary)
            counters.count(.upstream, summary, packet.offload)
            dns.rewriteQuery(&bytes, summary: &summary, offload: packet.offload, now: loop.now)
            return connection.enqueue(packet, summary: summary)
        } catch {
            counters.refuse(.upstream, error)
            return false
        }
    }

    private func admitUpstream(_ summary: PacketSummary) throws(RejectReason) {
        guard configuration.policy.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
        guard TrafficPolicy.isUnicast(summary.source, summary.version) else { throw .invalidSourceAddress }
        guard configuration.policy.permits(destination: summary.destination, version: summary.version) else {
            throw .invalidDestinationAddress
        }
    }

    // MARK: Downstream: unframe, validate, rewrite, write

    func processDownstream(
        _ packet: UnsafeMutableRawBufferPointer,
        offload: PacketOffload,
        framing: ChannelFraming
    ) {
        do throws(RejectReason) {
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
            var summary = try PacketSummary(validating: bytes.bytes)
            guard configuration.policy.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
            if framing == .gso { try offload.validate(summary: summary, mtu: configuration.mtu) }
            dns.rewriteAnswer(&bytes, summary: &summary, offload: offload, now: loop.now)
            counters.count(.downstream, summary, offload)
            unsafe writer.write(packet, summary: summary, offload: offload)
        } catch {
            counters.refuse(.downstream, error)
        }
    }
}
