import IPPacket
import Logging
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("The resolver of another server")
struct OtherServersResolverTests {
    private static let first = DNSResolvers([IPAddress(ipv4: 0x0a00_0002), IPAddress(bits: 0xfd01 << 112 | 2)])
    private static let other = DNSResolvers([IPAddress(ipv4: 0x0b00_0002), IPAddress(bits: 0xfd02 << 112 | 2)])

    @Test(
        "programs go on to ask the first server's resolver, and the other one's answers",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func goesOn(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let loop = ManualLoop()
        let device = MemoryDevice(on: loop)
        var configuration = ClientConfiguration()
        configuration.localDNSAddresses = Self.first
        configuration.transparentDNSAddresses = Self.first
        let client = try PacketTunnelClient(
            configuration: configuration,
            loop: loop,
            device: device,
            logger: RecordedLog().logger
        )
        client.start()
        let asked = Self.first[version][0]
        for (number, server) in [Self.first, Self.other, Self.first].enumerated() {
            let transport = MemoryTransport(on: loop)
            loop.perform {
                client.use(transparentDNSAddresses: server)
                client.connect(transport, framing: framing) { _ in }
            }
            let (port, target) = (UInt16(30_000 + number), server[version][0])
            device.inject(Sample.dnsQuery(version, to: asked, port: port))
            let sent = try #require(MemoryFrames.packets(in: transport.takeMessages(), as: framing))
            #expect(sent == [MemoryPacket(Sample.dnsQuery(version, to: target, port: port))])
            transport.deliver(MemoryFrames.frame(Sample.dnsAnswer(version, from: target, port: port), as: framing))
            #expect(device.takeWritten() == [MemoryPacket(Sample.dnsAnswer(version, from: asked, port: port))])
        }
    }
}
