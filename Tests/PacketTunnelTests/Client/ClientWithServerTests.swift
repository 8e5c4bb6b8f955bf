import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Client and server together")
struct ClientWithServerTests {
    @Test(
        "a packet goes from the client's device to the server's, and its answer back",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func endToEnd(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let loop = ManualLoop()
        let device = MemoryDevice(on: loop)
        let client = try PacketTunnelClient(
            configuration: ClientConfiguration(),
            loop: loop,
            device: device,
            logger: harness.log.logger
        )
        client.start()
        let (near, far) = MemoryTransport.pair(loop, harness.loop)
        loop.perform { client.connect(near, framing: framing) { _ in } }
        _ = try harness.connect(framing: framing, transport: far)
        func runBoth() {
            while loop.pendingCount + harness.loop.pendingCount > 0 {
                loop.run()
                harness.loop.run()
            }
        }
        var offload = PacketOffload.none
        for size in [10, 1_400, 50_000] {
            var up = PacketBuilder.tcp(
                source: Sample.local(version),
                destination: Sample.remote(version),
                payload: patternBytes(size)
            )
            if size > 1_400 {
                let offset = (version == .v4 ? 20 : 40) + 16
                let sum = PacketBuilder.pseudoHeaderSum(up)
                (up[offset], up[offset + 1]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
                offload = PacketOffload(segmentSize: 1_400, checksumIsPartial: true)
            }
            device.inject(up, offload: offload)
            runBoth()
            let written = harness.device.takeWritten()
            #expect(written.reduce(0) { $0 + $1.bytes.count } >= up.count)
            #expect(written.last?.bytes.suffix(10) == up.suffix(10))
            for packet in written { #expect(try Sample.summary(packet.bytes).source == harness.address(version)) }
        }
        let down = Sample.downstreamUDP(to: try harness.address(version), source: Sample.remote(version))
        harness.device.inject(down)
        runBoth()
        #expect(device.takeWritten() == [MemoryPacket(Sample.downstreamUDP(to: Sample.local(version)))])
        loop.perform { client.stop() }
        runBoth()
        #expect(far.isClosed)
        #expect(harness.server.sessionCount == (1, 0))
    }
}
