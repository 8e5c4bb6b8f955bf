import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Defaults, zeros, and the values of the original")
struct DefaultsTests {
    /// `DEFAULT_DOWNSTREAM_PACKET_QUEUE_SIZE` and `DEFAULT_UPSTREAM_PACKET_QUEUE_SIZE` of the original.
    private static let original = (downstream: 524_288, upstream: 32_768)

    @Test("0 means the default for a server: MTU, queue and expiry")
    func server() throws {
        var configuration = ServerConfiguration()
        configuration.mtu = 0
        configuration.downstreamQueueLimitInBytes = 0
        configuration.sessionExpiry = .zero
        let checked = try configuration.validated()
        #expect(checked.mtu == 1_500)
        #expect(checked.downstreamQueueLimitInBytes == TunnelDefaults.downstreamQueueLimitInBytes)
        #expect(checked.sessionExpiry == .seconds(300))
    }

    @Test("0 means the default for a client: MTU and queue")
    func client() throws {
        var configuration = ClientConfiguration()
        configuration.mtu = 0
        configuration.upstreamQueueLimitInBytes = 0
        let checked = try configuration.validated()
        #expect(checked.mtu == 1_500)
        #expect(checked.upstreamQueueLimitInBytes == TunnelDefaults.upstreamQueueLimitInBytes)
    }

    @Test("a server whose configuration is all zeros works, and keeps a session for five minutes")
    func zeros() async throws {
        let harness = try ServerHarness(deviceMTU: 1_500) {
            $0.mtu = 0
            $0.downstreamQueueLimitInBytes = 0
            $0.sessionExpiry = .zero
        }
        let connection = try harness.connect()
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        #expect(harness.device.takeWritten().count == 1)
        connection.transport.finish()
        harness.loop.advance(by: .seconds(295))
        #expect(harness.server.sessionCount == (1, 0))
        harness.loop.advance(by: .seconds(100))
        #expect(harness.server.sessionCount == (0, 0))
    }

    @Test("the queue sizes of the original carry packets of the largest size", arguments: ChannelFraming.allCases)
    func originalQueues(_ framing: ChannelFraming) throws {
        let harness = try ServerHarness { $0.downstreamQueueLimitInBytes = Self.original.upstream }
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        let address = try harness.address(.v4)
        connection.transport.block()
        for _ in 0..<10 { harness.device.inject(Sample.downstreamUDP(to: address, payload: patternBytes(1_472))) }
        connection.transport.allow(.max)
        #expect(try connection.received().count == 10)
        var client = ClientConfiguration()
        client.upstreamQueueLimitInBytes = Self.original.upstream
        #expect(try client.validated().upstreamQueueLimitInBytes == 32_768)
        var server = ServerConfiguration()
        server.downstreamQueueLimitInBytes = Self.original.downstream
        #expect(try server.validated().downstreamQueueLimitInBytes == 524_288)
    }

    @Test("a super-packet passes a queue of the original's size, which is smaller than it")
    func superPacket() throws {
        let harness = try ServerHarness { $0.downstreamQueueLimitInBytes = Self.original.upstream }
        let connection = try harness.connect(framing: .gso)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        let packet = PacketBuilder.tcp(
            source: Sample.remote(.v4),
            destination: try harness.address(.v4),
            payload: patternBytes(60_000)
        )
        let offload = PacketOffload(segmentSize: 1_448, checksumIsPartial: true)
        harness.device.inject(MemoryPacket(packet, offload: offload), count: 1)
        #expect(try connection.received().first?.bytes.count == packet.count)
    }

    @Test(
        "a queue that cannot hold one packet is refused, with the number of bytes that it takes",
        arguments: [1_280, 2_032, 2_033, 9_000]
    )
    func tooSmall(_ mtu: Int) throws {
        var configuration = ServerConfiguration()
        configuration.mtu = mtu
        let least = PacketBufferPool.footprint(for: mtu)
        configuration.downstreamQueueLimitInBytes = least
        _ = try configuration.validated()
        configuration.downstreamQueueLimitInBytes = least - 1
        let error = #expect(throws: ConfigurationError.self) { try configuration.validated() }
        #expect(error?.reason.contains("at least \(least) bytes") == true)
        #expect(least == (mtu <= 2_032 ? 2_092 : mtu <= 8_176 ? 8_236 : 65_612), "as the documentation says")
    }

    @Test("negative values are refused", arguments: ["MTU", "QueueLimit", "SessionExpiry"])
    func negative(_ setting: String) {
        var configuration = ServerConfiguration()
        if setting == "MTU" { configuration.mtu = -1 }
        if setting == "QueueLimit" { configuration.downstreamQueueLimitInBytes = -1 }
        if setting == "SessionExpiry" { configuration.sessionExpiry = .seconds(-1) }
        let error = #expect(throws: ConfigurationError.self) { try configuration.validated() }
        #expect(error?.setting == setting)
    }

    @Test("a packet queue and a channel take 0 for their defaults, too")
    func channel() async throws {
        let queue = PacketQueue(limitInBytes: 0)
        #expect(queue.enqueue(Sample.upstreamUDP(.v4)))
        #expect(await queue.dequeueFramedPackets()?.count == Sample.upstreamUDP(.v4).count + 2)
        let loop = ManualLoop()
        let transport = MemoryTransport(on: loop)
        let channel = PacketChannel(transport: transport, mtu: 0)
        let packet = Sample.upstreamUDP(.v6, payload: patternBytes(1_400))
        await ManualLoop.drive([loop]) { try? await channel.writePacket(packet) }
        #expect(transport.takeMessages().joined().count == packet.count + 2)
    }
}
