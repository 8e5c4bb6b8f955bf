import IPPacket
import Logging
import PacketTunnelTestKit

@testable import PacketTunnel

/// A server over one or more loops driven by hand, and the clients that a test connects to it.
final class ServerHarness: @unchecked Sendable {
    let loops: [ManualLoop]
    let devices: [MemoryDevice]
    let server: PacketTunnelServer
    let log = RecordedLog()

    var loop: ManualLoop { loops[0] }
    var device: MemoryDevice { devices[0] }

    init(
        loops loopCount: Int = 1,
        supportsOffload: Bool = true,
        deviceMTU: Int? = nil,
        configure: (inout ServerConfiguration) -> Void = { _ in }
    ) throws {
        loops = (0..<loopCount).map { _ in ManualLoop() }
        var configuration = ServerConfiguration()
        configuration.dnsResolvers = { Sample.resolvers }
        configure(&configuration)
        let mtu = deviceMTU ?? configuration.mtu
        devices = loops.map { MemoryDevice(on: $0, mtu: mtu, supportsOffload: supportsOffload) }
        server = try PacketTunnelServer(
            configuration: configuration,
            lanes: zip(loops, devices).map { PacketTunnelServer.Lane(loop: $0, device: $1) },
            logger: log.logger
        )
        server.start()
        runAll()
    }

    /// Runs all loops until none has anything left to do.
    func runAll() {
        while loops.contains(where: { $0.pendingCount > 0 }) { for loop in loops { loop.run() } }
    }

    /// Connects a client, without running the work that follows.
    func connect(
        _ identity: SessionIdentity = Sample.alice,
        framing: ChannelFraming = .psiphon,
        loop index: Int = 0,
        transport: MemoryTransport? = nil,
        hooks: ClientHooks = ClientHooks()
    ) throws(SessionError) -> Connection {
        let transport = transport ?? MemoryTransport(on: loops[index])
        let handle = try loops[index].perform { () throws(SessionError) in
            try server.clientConnected(identity, transport: transport, framing: framing, hooks: hooks)
        }
        return Connection(
            harness: self,
            identity: identity,
            framing: framing,
            transport: transport,
            handle: handle
        )
    }

    /// What `connect` would be refused with.
    func refusal(of identity: SessionIdentity, maximumSessions: Int? = nil) -> SessionError? {
        loops[0].perform { server.refusal(of: identity, maximumSessions: maximumSessions) }
    }

    func session(_ identity: SessionIdentity = Sample.alice) -> Session? {
        server.sessions.sessions.first { $0.session.identity == identity }?.session
    }

    /// What the session of `identity` has counted; all zero without one.
    func counters(_ identity: SessionIdentity = Sample.alice) -> PacketCounters {
        session(identity)?.counters ?? PacketCounters()
    }

    func address(_ version: IPVersion, of identity: SessionIdentity = Sample.alice) throws -> IPAddress {
        guard let session = session(identity) else { throw HarnessError.noSession }
        return session.address(version)
    }

    func stop() async {
        await ManualLoop.drive(loops) { [server] in await server.stop() }
    }
}

enum HarnessError: Error {
    case noSession
    case brokenFrames
}

/// The client's side of one connection.
struct Connection {
    let harness: ServerHarness
    let identity: SessionIdentity
    let framing: ChannelFraming
    let transport: MemoryTransport
    let handle: ConnectedClient

    /// Sends packets to the server, each as one message.
    func send(_ packets: [UInt8]..., offload: PacketOffload = .none) {
        for packet in packets { transport.deliver(MemoryFrames.frame(packet, offload: offload, as: framing)) }
    }

    /// Sends packets to the server in one turn: all in one message, where the framing permits.
    func sendTogether(_ packets: [[UInt8]]) {
        let frames = packets.map { MemoryFrames.frame($0, as: framing) }
        transport.deliverTogether(framing == .openSSH ? frames : [Array(frames.joined())])
    }

    /// The packets that the server has sent since the last call.
    func received() throws -> [MemoryPacket] {
        guard let packets = MemoryFrames.packets(in: transport.takeMessages(), as: framing) else {
            throw HarnessError.brokenFrames
        }
        return packets
    }
}
