internal import IPPacket
internal import Logging
internal import Synchronization

/// One loop's part of a server: a queue of the device, and the clients whose transports live on the loop.
final class ServerWorker: @unchecked Sendable {
    /// Packets that may be on their way here from other loops.
    private static let handOverLimit = 1_024

    let loop: any PacketLoop
    let configuration: ServerConfiguration
    let addressPool: AddressPool
    let sessions: SessionTable
    let logger: Logger
    let pool = PacketBufferPool()
    var writer: DeviceWriter
    private(set) var figures = Figures()
    /// Packets on their way here from other loops.
    private let arrivingCount = Atomic(0)

    /// What is counted for a loop rather than for a session.
    struct Figures: Sendable {
        /// Refused packets that belong to no client here.
        var strays = PacketCounters()
        /// Packets that came to this loop for a client of another one.
        var handedOverCount = 0
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
        return !own.contains(destination) && configuration.policy.permits(destination: destination, version: version)
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
        if isFlood { loop.giveWay() }
    }

    /// Validates a packet and finds its client. True if the buffer was taken over.
    private func dispatch(_ packet: PacketBuffer) -> Bool {
        do throws(RejectReason) {
            let summary = try unsafe PacketSummary(
                validating: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes))
            )
            guard let index = addressPool.index(of: summary.destination) else { throw .noSession }
            guard let client = clients[index] else {
                unsafe try handOver(packet.bytes, packet.offload, index: index)
                return false
            }
            return deliver(packet, summary: summary, to: client)
        } catch {
            figures.strays.refuse(.downstream, error)
            return false
        }
    }

    private func deliver(_ packet: PacketBuffer, summary: PacketSummary, to client: ServerClient) -> Bool {
        if !client.isDirty {
            client.isDirty = true
            dirty.append(client)
        }
        return client.processDownstream(packet, summary: summary)
    }

    /// Takes a packet to the loop of its client. The kernel steers return traffic to the right queue, so this is rare.
    private func handOver(
        _ packet: UnsafeMutableRawBufferPointer,
        _ offload: PacketOffload,
        index: UInt32
    ) throws(RejectReason) {
        let owner = sessions.client(of: index)
        guard owner.isLeased else { throw .noSession }
        guard let client = owner.client, client.worker !== self else { throw .noClient }
        let worker = client.worker
        guard worker.arrivingCount.load(ordering: .relaxed) < Self.handOverLimit else { throw .queueFull }
        worker.arrivingCount.wrappingAdd(1, ordering: .relaxed)
        figures.handedOverCount &+= 1
        let copy = unsafe Array(packet)
        worker.loop.execute { worker.receiveHandedOver(copy, offload) }
    }

    private func receiveHandedOver(_ bytes: [UInt8], _ offload: PacketOffload) {
        arrivingCount.wrappingSubtract(1, ordering: .relaxed)
        let packet = pool.takeLarge()
        packet.length = bytes.count
        packet.offload = offload
        unsafe packet.bytes.copyBytes(from: bytes)
        do throws(RejectReason) {
            let summary = try unsafe PacketSummary(
                validating: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes))
            )
            guard let index = addressPool.index(of: summary.destination), let client = clients[index] else {
                throw .noClient
            }
            let isTaken = client.processDownstream(packet, summary: summary)
            client.flush()
            if isTaken { return }
        } catch {
            figures.strays.refuse(.downstream, error)
        }
        pool.release(packet)
    }
}
