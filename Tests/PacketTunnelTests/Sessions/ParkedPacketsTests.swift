import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Packets for a client that is away")
struct ParkedPacketsTests {
    private func packet(_ harness: ServerHarness, _ version: IPVersion, _ number: Int, size: Int = 1_000) throws
        -> [UInt8]
    {
        let payload = [UInt8(number >> 8), UInt8(number & 0xff)] + patternBytes(size - 2)
        return Sample.downstreamUDP(to: try harness.address(version), payload: payload)
    }

    private func numbers(_ packets: [MemoryPacket]) throws -> [Int] {
        try packets.map { packet in
            let start = try Sample.summary(packet.bytes).headerLength
            #expect(PacketBuilder.checksumsAreValid(packet.bytes))
            return Int(packet.bytes[start]) << 8 | Int(packet.bytes[start + 1])
        }
    }

    @Test(
        "reach it when it comes back, the newest of them, in order and at its address",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func delivered(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let first = try harness.connect(framing: framing)
        harness.runAll()
        first.send(Sample.upstreamUDP(version))
        first.transport.finish()
        let count = ParkedPackets.limit / (try packet(harness, version, 0).count)
        for number in 0..<(count + 20) { harness.device.inject(try packet(harness, version, number)) }
        let second = try harness.connect(framing: framing)
        harness.runAll()
        let received = try second.received()
        #expect(try numbers(received) == Array(20..<(count + 20)))
        #expect(try received.allSatisfy { try Sample.summary($0.bytes).destination == Sample.local(version) })
        #expect(harness.counters().refused(.downstream, .noClient) == 20)
        #expect(harness.counters().carried(.downstream, version, .udp).packets == Int64(count))
        // Once.
        let third = try harness.connect(framing: framing)
        harness.runAll()
        #expect(try third.received().isEmpty)
    }

    @Test("include what the connection before had not sent", arguments: IPVersion.allCases, ChannelFraming.allCases)
    func unsent(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let first = try harness.connect(
            framing: framing,
            transport: MemoryTransport(on: harness.loop, writableByteCount: 0)
        )
        harness.runAll()
        first.send(Sample.upstreamUDP(version))
        for number in 0..<10 {
            harness.device.inject(try packet(harness, version, number))
            harness.loop.advance(by: .milliseconds(1))
        }
        // Taken over while it still looks alive.
        let second = try harness.connect(framing: framing)
        harness.runAll()
        #expect(try numbers(try second.received()) == Array(0..<10))
        #expect(harness.counters().carried(.downstream, version, .udp).packets == 10)
        #expect(harness.counters().refused(.downstream, .noClient) == 0)
    }

    @Test("super-packets among them stay what they are", arguments: IPVersion.allCases)
    func superPackets(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let first = try harness.connect(framing: .gso)
        harness.runAll()
        first.send(Sample.upstreamUDP(version))
        first.transport.finish()
        var bytes = PacketBuilder.tcp(
            source: Sample.remote(version),
            destination: try harness.address(version),
            payload: patternBytes(8_000)
        )
        let offset = version == .v4 ? 36 : 56
        let sum = PacketBuilder.pseudoHeaderSum(bytes)
        (bytes[offset], bytes[offset + 1]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        let offload = PacketOffload(segmentSize: 1_400, checksumIsPartial: true)
        harness.device.inject(bytes, offload: offload)
        let second = try harness.connect(framing: .gso)
        harness.runAll()
        #expect(try second.received().map(\.offload) == [offload])
    }

    @Test("that come to another loop, or while the session is handed over, wait as well", arguments: IPVersion.allCases)
    func otherLoops(_ version: IPVersion) throws {
        let harness = try ServerHarness(loops: 2)
        let first = try harness.connect(loop: 0)
        harness.runAll()
        first.send(Sample.upstreamUDP(version))
        harness.runAll()
        let second = try harness.connect(loop: 1)
        // The session is under way from loop 0 to loop 1, which neither has run yet.
        harness.devices[1].inject(try packet(harness, version, 1))
        harness.runAll()
        harness.devices[0].inject(try packet(harness, version, 2))
        harness.runAll()
        #expect(try numbers(try second.received()) == [1, 2])
    }

    @Test("of all sessions together have a limit")
    func totalLimit() throws {
        let harness = try ServerHarness()
        let count = ParkedPackets.totalLimit / ParkedPackets.limit
        var identities: [SessionIdentity] = []
        for number in 0...count {
            let identity = SessionIdentity(user: "user\(number)", keyFingerprint: "SHA256:aaaa")
            let connection = try harness.connect(identity)
            harness.runAll()
            connection.send(Sample.upstreamUDP(.v4))
            connection.transport.finish()
            identities.append(identity)
        }
        for identity in identities {
            let packet = Sample.downstreamUDP(to: try harness.address(.v4, of: identity), payload: patternBytes(60_000))
            harness.device.inject(MemoryPacket(packet), count: 4)
        }
        #expect(harness.server.workers[0].figures.strays.refused(.downstream, .noClient) == 0)
        let packet = Sample.downstreamUDP(
            to: try harness.address(.v4, of: identities[0]),
            payload: patternBytes(20_000)
        )
        for identity in identities {
            let packet = Sample.downstreamUDP(to: try harness.address(.v4, of: identity), payload: patternBytes(20_000))
            harness.device.inject(MemoryPacket(packet), count: 1)
        }
        harness.device.inject(MemoryPacket(packet), count: 1)
        #expect(harness.server.workers[0].figures.strays.refused(.downstream, .noClient) > 0)
    }
}
