import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("The end of a server")
struct StopTests {
    @Test("stop ends every client, closes every device, and reports every session")
    func stop() async throws {
        let harness = try ServerHarness(loops: 2)
        let alice = try harness.connect(loop: 0)
        let bob = try harness.connect(Sample.bob, loop: 1)
        let gone = SessionIdentity(user: "carol", keyFingerprint: "k")
        let carol = try harness.connect(gone)
        harness.runAll()
        alice.send(Sample.upstreamUDP(.v4))
        carol.send(Sample.upstreamUDP(.v6), Sample.upstreamUDP(.v6))
        carol.transport.finish()
        await harness.stop()
        #expect(alice.transport.isClosed && bob.transport.isClosed)
        #expect(harness.devices.map(\.isClosed) == [true, true])
        let reports = harness.log.lines("session ended")
        let checkpoints = harness.log.lines("server_packet_metrics")
        #expect(Set(reports.compactMap { $0["user"] }) == ["alice", "bob", "carol"])
        #expect(checkpoints.first { $0["user"] == "alice" }?["udp_ipv4_packets_up"] == "1")
        #expect(checkpoints.first { $0["user"] == "carol" }?["udp_ipv6_packets_up"] == "2")
        #expect(reports.allSatisfy { $0["reason"] == "the server stops" })
        #expect(harness.server.sessionCount == (0, 0))
    }

    @Test("stop ends a connection that still waits for its session, whichever loop stops first", arguments: [0, 1])
    func stopWhileWaiting(_ oldLoop: Int) async throws {
        let harness = try ServerHarness(loops: 2)
        let old = try harness.connect(loop: oldLoop)
        harness.runAll()
        let waiting = try harness.connect(loop: 1 - oldLoop)
        let server = harness.server
        async let stopped: Void = server.stop()
        // The loops stop in their order, and only then does the old connection let go.
        while harness.loops[0].pendingCount < (oldLoop == 0 ? 2 : 1) { await Task.yield() }
        harness.loops[0].run()
        while !harness.log.lines.contains(where: { $0.message == "session ended" }) {
            harness.loops[1].run()
            await Task.yield()
            harness.loops[0].run()
        }
        await stopped
        harness.runAll()
        #expect(old.transport.isClosed && waiting.transport.isClosed)
        #expect(harness.log.lines("session ended").count == 1)
    }

    @Test("after stop nobody is let in")
    func afterStop() async throws {
        let harness = try ServerHarness()
        await harness.stop()
        #expect(throws: SessionError.serverIsNotRunning) { try harness.connect() }
    }
}
