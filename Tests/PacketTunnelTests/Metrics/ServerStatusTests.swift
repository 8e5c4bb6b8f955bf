import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("The figures of a server as a whole")
struct ServerStatusTests {
    private func status(_ harness: ServerHarness) async -> ServerStatus {
        await ManualLoop.drive(harness.loops) { [server = harness.server] in await server.serverStatus() }
    }

    @Test("packets read, forwarded between loops, and for no session are counted over all loops")
    func packets() async throws {
        let harness = try ServerHarness(loops: 2)
        let connection = try harness.connect(loop: 1)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        let packet = Sample.downstreamUDP(to: try harness.address(.v4))
        harness.devices[0].inject(packet)
        for _ in 0..<2 { harness.devices[1].inject(packet) }
        let stranger = harness.server.addressPool.ipv4Address((harness.session()?.index ?? 0) ^ 0x10_0000)
        for device in harness.devices { device.inject(Sample.downstreamUDP(to: stranger)) }
        harness.runAll()
        let status = await status(harness)
        #expect(status.packetsRead == 5)
        #expect(status.packetsForwarded == 1)
        #expect(status.forwardedShare == 0.2)
        #expect(status.strays == ["downstream_packet_rejected_no_session": 2])
        #expect((status.sessions, status.connectedSessions) == (1, 1))
    }

    @Test("a session's name that came with another key is counted, and logged when the server stops")
    func foreignNames() async throws {
        let harness = try ServerHarness()
        let name = "00112233445566778899aabbccddeeff"
        _ = try harness.connect(SessionIdentity(user: "alice", keyFingerprint: "a", name: name))
        let thief = SessionIdentity(user: "alice", keyFingerprint: "b", name: name)
        for _ in 0..<3 { #expect(throws: SessionError.belongsToAnother) { try harness.connect(thief) } }
        #expect(await status(harness).foreignSessionNames == 3)
        await harness.stop()
        #expect(harness.log.lines("server stopped").first?["foreign_names"] == "3")
        #expect(await status(harness).foreignSessionNames == 3)
    }

    @Test("nothing read is no share of it")
    func empty() async throws {
        let status = await status(try ServerHarness())
        #expect(status.forwardedShare == 0)
        #expect(status.strays.isEmpty)
    }
}
