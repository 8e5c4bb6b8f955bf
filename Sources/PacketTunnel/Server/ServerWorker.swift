internal import IPPacket
internal import Logging
internal import Synchronization

/// One loop's part of a server: a lane of the device, and the clients whose transports live on the loop.
final class ServerWorker: @unchecked Sendable {  // used on its loop alone
    /// Packets that may be on their way here from other loops.
    private static let forwardedLimit = 1_024

    let loop: any PacketLoop
    let configuration: ServerConfiguration
    /// Where packets may go now.
    private var policy: TrafficPolicy
    /// What of it every packet is asked about.
    private(set) var rules: PacketRules
    let addressPool: AddressPool
    let sessions: SessionTable
    let logger: Logger
    let pool = PacketBufferPool()
    var writer: DeviceWriter
    /// Which resolvers answer.
    var health = ResolverHealth()
    /// Bytes of the largest packet that leaves for the internet uncut, by family; the tunnel's own MTU is another limit.
    private var egressMTU = (ipv4: Int.max, ipv6: Int.max)
    private(set) var figures = Figures()
    private var reportedStrays = PacketCounters()
    /// Packets on their way here from other loops.
    private let arrivingCount = Atomic(0)

    /// What is counted for a loop rather than for a session.
    struct Figures: Sendable {
        /// Refused packets that belong to no client here.
        var strays = PacketCounters()
        /// Packets that came to this loop for a client of another one.
        var forwardedCount = 0
        /// Packets that came to this loop.
        var readCount = 0
    }

    private let reader: DeviceReader
    private var clients: [UInt32: ServerClient] = [:]
    private var dirty: [ServerClient] = []

    init(
        loop: any PacketLoop,
        device: any PacketDevice,
        configuration: ServerConfiguration,
        addressPool: AddressPool,
        sessions: SessionTable,
        logger: Logger
    ) {
        self.loop = loop
        self.configuration = configuration
        policy = configuration.policy
        rules = PacketRules(policy)
        self.addressPool = addressPool
        self.sessions = sessions
        self.logger = logger
        reader = DeviceReader(device: device, pool: pool)
        writer = DeviceWriter(device: device, pool: pool)
    }

    /// Begins to read the device. On the loop's thread.
    func start() {
        reader.start { [self] in deviceIsReadable() }
    }

    /// Ends every client and closes the device. On the loop's thread.
    func stop() {
        for client in clients.values { client.end(reason: "the server stops") }
        reader.stop()
    }

    func add(_ client: ServerClient, index: UInt32) {
        clients[index] = client
    }

    func remove(_ client: ServerClient, index: UInt32) {
        if clients[index] === client { clients[index] = nil }
    }

    /// True if a client may send to `destination`: the policy permits it, and it is no client's address.
    func permits(destination: IPAddress, version: IPVersion) -> Bool {
        let own = version == .v4 ? addressPool.ipv4 : addressPool.ipv6
        return !own.contains(destination) && policy.permits(destination: destination, version: version)
    }

    /// Takes another policy, also for flows that are known. On the loop's thread.
    func setPolicy(_ policy: TrafficPolicy) {
        self.policy = policy
        rules = PacketRules(policy)
        for client in clients.values { client.forgetForbiddenFlows() }
    }

    /// Bytes of the largest packet that passes the tunnel and the way out: what TCP's segments are clamped to.
    func segmentMTU(_ version: IPVersion) -> Int {
        min(configuration.mtu, version == .v4 ? egressMTU.ipv4 : egressMTU.ipv6)
    }

    /// Changes what `segmentMTU` knows of the way out. On the loop's thread.
    func setEgressMTU(ipv4: Int, ipv6: Int) {
        egressMTU = (ipv4, ipv6)
    }

    /// The refused packets of no client since the last call. On the loop's thread.
    func takeStrays() -> PacketCounters {
        defer { reportedStrays = figures.strays }
        return figures.strays.since(reportedStrays)
    }

    // MARK: Downstream

    /// Reads a batch of packets, queues each for its client, and sends what the channels take.
    private func deviceIsReadable() {
        let isFlood = reader.readBatch { packet in
            figures.readCount &+= 1
            return dispatch(packet)
        }
        for client in dirty {
            client.isDirty = false
            client.flush()
        }
        dirty.removeAll(keepingCapacity: true)
        if isFlood { loop.yieldProcessor() }
    }

    /// Validates a packet and finds its client.
    ///
    /// - Returns: the buffer, unless the client has queued it.
    private func dispatch(_ packet: consuming PacketBuffer) -> PacketBuffer? {
        do throws(RejectReason) {
            let summary = try summary(of: packet)
            guard let index = addressPool.index(of: summary.destination) else { throw .noSession }
            guard let client = clients[index] else {
                unsafe try forwardToOwner(packet.bytes, packet.offload, index: index)
                return packet
            }
            return deliver(packet, summary: summary, to: client)
        } catch {
            figures.strays.refuse(.downstream, error)
            return packet
        }
    }

    private func summary(of packet: borrowing PacketBuffer) throws(RejectReason) -> PacketSummary {
        let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes))
        let summary = try rules.summary(of: bytes)
        // The kernel leaves no offload work in a fragment.
        guard summary.fragment == .whole || packet.offload == .none else { throw .invalidFrame }
        return summary
    }

    private func deliver(
        _ packet: consuming PacketBuffer,
        summary: PacketSummary,
        to client: ServerClient
    ) -> PacketBuffer? {
        if !client.isDirty {
            client.isDirty = true
            dirty.append(client)
        }
        return client.processDownstream(packet, summary: summary)
    }

    /// Takes a packet to the loop of its client, or keeps it for the next client of its session. The kernel steers return
    /// traffic to the right queue, so this is rare.
    private func forwardToOwner(
        _ packet: UnsafeMutableRawBufferPointer,
        _ offload: PacketOffload,
        index: UInt32
    ) throws(RejectReason) {
        let copy = { unsafe ParkedPackets.Packet(bytes: Array(packet), offload: offload) }
        switch sessions.route(copy, index: index, from: self) {
        case .notLeased: throw .noSession
        case .nowhere: throw .noClient
        case .parked: return
        case .client(let client):
            let worker = client.worker
            guard worker.arrivingCount.load(ordering: .relaxed) < Self.forwardedLimit else { throw .queueFull }
            worker.arrivingCount.wrappingAdd(1, ordering: .relaxed)
            figures.forwardedCount &+= 1
            let packet = copy()
            worker.loop.execute { worker.receiveForwarded(packet) }
        }
    }

    private func receiveForwarded(_ packet: ParkedPackets.Packet) {
        arrivingCount.wrappingSubtract(1, ordering: .relaxed)
        receive(packet)?.flush()
    }

    /// Delivers what has waited for a client. What it sends first is not held up.
    func deliverParked(to client: ServerClient) {
        let packets = sessions.takeParked(client.identity)
        guard !packets.isEmpty else { return }
        for packet in packets { _ = receive(packet) }
        loop.execute { client.flush() }
    }

    /// Takes a copy of a packet as if it came from the device now.
    ///
    /// - Returns: the client that it is for, if it is here.
    private func receive(_ packet: ParkedPackets.Packet) -> ServerClient? {
        var buffer = pool.takeLarge()
        buffer.length = packet.bytes.count
        buffer.offload = packet.offload
        unsafe buffer.bytes.copyBytes(from: packet.bytes)
        do throws(RejectReason) {
            let summary = try summary(of: buffer)
            guard let index = addressPool.index(of: summary.destination) else { throw .noSession }
            if let client = clients[index] {
                pool.release(client.processDownstream(buffer, summary: summary))
                return client
            }
            unsafe try forwardToOwner(buffer.bytes, buffer.offload, index: index)
        } catch {
            figures.strays.refuse(.downstream, error)
        }
        pool.release(buffer)
        return nil
    }
}
