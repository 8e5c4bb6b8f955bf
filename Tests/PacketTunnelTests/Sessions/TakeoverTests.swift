import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Sessions that change hands")
struct TakeoverTests {
    private func send(_ connection: Connection, _ version: IPVersion = .v4) {
        connection.send(Sample.upstreamUDP(version))
    }

    @Test("a connection of the same identity takes the session over while the old one lives", arguments: [1, 2])
    func takeover(_ loopCount: Int) throws {
        let harness = try ServerHarness(loops: loopCount)
        let old = try harness.connect()
        harness.runAll()
        send(old)
        let index = harness.session()?.index
        let new = try harness.connect(loop: loopCount - 1)
        harness.runAll()
        #expect(old.transport.isClosed)
        #expect(!new.transport.isClosed)
        #expect(harness.session()?.index == index)
        send(new)
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 2)
        #expect(harness.server.sessionCount == (1, 1))
        harness.devices[loopCount - 1].inject(Sample.downstreamUDP(to: try harness.address(.v4)))
        #expect(try new.received().count == 1)
        #expect(try old.received().isEmpty)
        #expect(harness.log.lines("client took its session over").count == 1)
        let report = try #require(harness.log.lines("client disconnected").first)
        #expect(report["reason"] == "taken over by a newer connection")
        let checkpoint = try #require(harness.log.lines("server_packet_metrics").first)
        #expect(checkpoint["udp_ipv4_packets_up"] == "1")
    }

    @Test(
        "three takeovers in a row leave the last connection with the session, whatever loop runs first",
        arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]]
    )
    func threeInARow(_ order: [Int]) throws {
        let harness = try ServerHarness(loops: 4)
        let connections = try (0..<4).map { try harness.connect(loop: $0) }
        for _ in 0..<8 {
            for number in order { harness.loops[number].runOnce() }
        }
        harness.runAll()
        #expect(connections.map(\.transport.isClosed) == [true, true, true, false])
        send(connections[3])
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 1)
        #expect(harness.server.sessionCount == (1, 1))
    }

    @Test("a connection that ends by itself while it is taken over on another loop hands its session on")
    func endsMeanwhile() throws {
        let harness = try ServerHarness(loops: 2)
        let old = try harness.connect(loop: 0)
        harness.runAll()
        send(old)
        let new = try harness.connect(loop: 1)
        old.transport.finish()
        harness.runAll()
        send(new)
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 2)
    }

    @Test("a connection that ends before it got its session hands it on to the next")
    func endsWhileWaiting() throws {
        let harness = try ServerHarness(loops: 3)
        let first = try harness.connect(loop: 0)
        harness.runAll()
        send(first)
        let second = try harness.connect(loop: 1)
        second.transport.finish()
        harness.loops[0].run()
        let third = try harness.connect(loop: 2)
        harness.loops[1].runOnce()
        harness.runAll()
        send(third)
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 2)
        #expect(harness.server.sessionCount == (1, 1))
    }

    @Test("a connection that waits for its session and ends leaves the session to be resumed")
    func waitingEnds() throws {
        let harness = try ServerHarness(loops: 2)
        let old = try harness.connect(loop: 0)
        harness.runAll()
        send(old)
        let waiting = try harness.connect(loop: 1)
        waiting.transport.finish()
        harness.runAll()
        #expect(harness.server.sessionCount == (1, 0))
        let resumed = try harness.connect(loop: 1)
        harness.runAll()
        send(resumed)
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 2)
    }

    @Test("packets sent right after a takeover on the same loop are not lost", arguments: ChannelFraming.allCases)
    func packetsAtOnce(_ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        _ = try harness.connect(framing: framing)
        harness.runAll()
        let transport = MemoryTransport(on: harness.loop)
        transport.deliver(MemoryFrames.frame(Sample.upstreamUDP(.v4), as: framing))
        let new = try harness.connect(framing: framing, transport: transport)
        send(new, .v6)
        harness.runAll()
        #expect(harness.device.takeWritten().count == 2)
    }

    @Test("the application bytes reported at checkpoints add up over a takeover")
    func metrics() throws {
        let harness = try ServerHarness(loops: 2)
        let reported = Reported()
        var hooks = ClientHooks()
        hooks.updateMetrics = { reported.add($0) }
        let old = try harness.connect(loop: 0, hooks: hooks)
        harness.runAll()
        send(old)
        let new = try harness.connect(loop: 1, hooks: hooks)
        harness.runAll()
        send(new)
        send(new, .v6)
        new.transport.finish()
        harness.runAll()
        #expect(reported.all.map(\.udpUpstream) == [4, 8])
    }
}

/// Keeps what a metrics updater was told.
final class Reported: @unchecked Sendable {
    private(set) var all: [ApplicationBytes] = []

    func add(_ bytes: ApplicationBytes) { all.append(bytes) }
}
