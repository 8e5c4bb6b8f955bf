import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("A server that ends a client's connection")
struct DisconnectTests {
    /// Runs the loops until `clientDisconnected` has returned.
    private func disconnect(_ harness: ServerHarness, _ client: ConnectedClient) async {
        await ManualLoop.drive(harness.loops) { [server = harness.server] in await server.clientDisconnected(client) }
    }

    private func disconnect(_ harness: ServerHarness, _ identity: SessionIdentity) async {
        await ManualLoop.drive(harness.loops) { [server = harness.server] in await server.disconnect(identity) }
    }

    @Test("has reported the metrics and carries nothing more when it returns", arguments: IPVersion.allCases)
    func returnsLast(_ version: IPVersion) async throws {
        let harness = try ServerHarness(loops: 2)
        let reported = Reported()
        var hooks = ClientHooks()
        hooks.updateMetrics = { reported.add($0) }
        let connection = try harness.connect(loop: 1, hooks: hooks)
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        #expect(connection.handle.isConnected)
        await disconnect(harness, connection.handle)
        #expect(!connection.handle.isConnected && connection.transport.isClosed)
        #expect(reported.all.map(\.udpUpstream) == [4])
        #expect(harness.log.lines("server_packet_metrics").count == 1)
        #expect(harness.log.lines("client disconnected").first?["reason"] == "disconnected by the server")
        #expect(harness.server.sessionCount == (1, 0), "the session waits for the client to come back")
        _ = harness.devices[1].takeWritten()
        connection.send(Sample.upstreamUDP(version))
        harness.devices[0].inject(Sample.downstreamUDP(to: try harness.address(version)))
        harness.runAll()
        #expect(harness.devices[1].takeWritten().isEmpty && connection.transport.writtenCount == 0)
    }

    @Test("does not end the newer connection that has taken the session over", arguments: [1, 2])
    func newerGoesOn(_ loopCount: Int) async throws {
        let harness = try ServerHarness(loops: loopCount)
        let old = try harness.connect()
        harness.runAll()
        let new = try harness.connect(loop: loopCount - 1)
        // On another loop, the old one has been told and has not run since: the call waits, and posts nothing.
        async let isOver: Void = harness.server.clientDisconnected(old.handle)
        for _ in 0..<1_000 { await Task.yield() }
        harness.runAll()
        await isOver
        #expect(old.transport.isClosed && !new.transport.isClosed)
        #expect(!old.handle.isConnected && new.handle.isConnected)
        new.send(Sample.upstreamUDP(.v4))
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 1)
        #expect(harness.server.sessionCount == (1, 1))
    }

    @Test("ends a connection that still waits for its session")
    func waiting() async throws {
        let harness = try ServerHarness(loops: 2)
        let old = try harness.connect(loop: 0)
        harness.runAll()
        let waiting = try harness.connect(loop: 1)
        await disconnect(harness, waiting.handle)
        #expect(old.transport.isClosed && waiting.transport.isClosed)
        #expect(harness.server.sessionCount == (1, 0))
    }

    @Test("by the identity ends the connection that has it now; without one it returns")
    func byIdentity() async throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        await disconnect(harness, Sample.alice)
        #expect(connection.transport.isClosed)
        #expect(harness.server.sessionCount == (1, 0))
        await disconnect(harness, Sample.alice)
        await disconnect(harness, Sample.bob)
    }

    @Test("returns at once for a connection that has ended by itself, also when no loop runs any more")
    func afterTheEnd() async throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        connection.transport.finish()
        #expect(!connection.handle.isConnected)
        await harness.server.clientDisconnected(connection.handle)
    }

    @Test("keeps nothing of the connection alive by what the caller holds")
    func keepsNothing() throws {
        let harness = try ServerHarness()
        var connection: Connection? = try harness.connect()
        harness.runAll()
        weak let transport = connection?.transport
        let handle = connection?.handle
        connection?.transport.finish()
        harness.runAll()
        connection = nil
        #expect(transport == nil && handle?.isConnected == false)
    }
}
