import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Packets that arrive on another loop")
struct ForwardingTests {
    @Test(
        "a packet goes over to its client's loop, and to the client from there",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func forwards(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness(loops: 2)
        let connection = try harness.connect(framing: framing, loop: 1)
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        #expect(harness.devices[1].takeWritten().count == 1)
        let packet = Sample.downstreamUDP(to: try harness.address(version), payload: patternBytes(1_200))
        harness.devices[0].inject(packet)
        #expect(connection.transport.writtenCount == 0)
        harness.runAll()
        let received = try #require(try connection.received().first)
        #expect(received.bytes.suffix(1_200) == packet.suffix(1_200))
        #expect(PacketBuilder.checksumsAreValid(received.bytes))
        #expect(harness.server.workers[0].figures.forwardedCount == 1)
    }

    @Test("a packet whose client has gone meanwhile waits for the next one", arguments: IPVersion.allCases)
    func goneMeanwhile(_ version: IPVersion) throws {
        let harness = try ServerHarness(loops: 2)
        let connection = try harness.connect(loop: 1)
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        harness.devices[0].inject(Sample.downstreamUDP(to: try harness.address(version)))
        connection.transport.finish()
        harness.runAll()
        #expect(harness.refusedDownstream(.noClient) == 0)
        let next = try harness.connect(loop: 0)
        harness.runAll()
        #expect(try next.received().count == 1)
    }

    @Test("after a takeover packets follow the client to its new loop", arguments: IPVersion.allCases)
    func follows(_ version: IPVersion) throws {
        let harness = try ServerHarness(loops: 2)
        let old = try harness.connect(loop: 0)
        harness.runAll()
        old.send(Sample.upstreamUDP(version))
        let new = try harness.connect(loop: 1)
        harness.runAll()
        new.send(Sample.upstreamUDP(version))
        let packet = Sample.downstreamUDP(to: try harness.address(version))
        for device in harness.devices { device.inject(packet) }
        harness.runAll()
        #expect(try new.received().count == 2)
        #expect(try old.received().isEmpty)
    }

    @Test("a loop that does not run has a limited number of packets handed to it")
    func limited() throws {
        let harness = try ServerHarness(loops: 2)
        let connection = try harness.connect(loop: 1)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        let packet = MemoryPacket(Sample.downstreamUDP(to: try harness.address(.v4)))
        harness.devices[0].inject(packet, count: 5_000)
        let pending = harness.loops[1].pendingCount
        #expect(pending <= 1_024)
        #expect(harness.refusedDownstream(.queueFull) == 5_000 - Int64(pending))
        harness.runAll()
        #expect(try connection.received().count == pending)
        harness.devices[0].inject(packet, count: 10)
        harness.runAll()
        #expect(try connection.received().count == 10)
    }
}
