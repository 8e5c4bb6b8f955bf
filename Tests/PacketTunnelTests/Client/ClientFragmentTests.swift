import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Fragments and refusals on the client")
struct ClientFragmentTests {
    private struct Fixture {
        let loop = ManualLoop()
        let device: MemoryDevice
        let transport: MemoryTransport
        let client: PacketTunnelClient

        init(configure: (inout ClientConfiguration) -> Void = { _ in }) throws {
            device = MemoryDevice(on: loop)
            transport = MemoryTransport(on: loop)
            var configuration = ClientConfiguration()
            configuration.policy.fragments = .carry
            configuration.policy.refusals = .reject
            configure(&configuration)
            client = try PacketTunnelClient(
                configuration: configuration,
                loop: loop,
                device: device,
                logger: RecordedLog().logger
            )
            client.start()
            loop.perform { [client, transport] in client.connect(transport, framing: .gso) { _ in } }
        }

        func sent() throws -> [[UInt8]] {
            try #require(MemoryFrames.packets(in: transport.takeMessages(), as: .gso)).map(\.bytes)
        }

        func receive(_ packets: [[UInt8]]) {
            for packet in packets { transport.deliver(MemoryFrames.frame(packet, as: .gso)) }
        }

        func written() -> [[UInt8]] { device.takeWritten().map(\.bytes) }
    }

    private static func resolver(_ version: IPVersion) -> IPAddress {
        version == .v4 ? IPAddress(ipv4: 0xc0a8_0101) : IPAddress(bits: 0xfd00_0001 << 96 | 0x53)
    }

    @Test("pass unchanged in both directions, in order", arguments: IPVersion.allCases)
    func pass(_ version: IPVersion) throws {
        let fixture = try Fixture()
        let up = PacketBuilder.fragments(
            of: Sample.upstreamUDP(version, payload: patternBytes(4_000)),
            mtu: 1_500,
            identification: 5
        )
        fixture.device.inject(up.map { MemoryPacket($0) })
        #expect(try fixture.sent() == up)
        let down = PacketBuilder.fragments(
            of: Sample.downstreamUDP(to: Sample.local(version), payload: patternBytes(4_000)),
            mtu: 1_500,
            identification: 6
        )
        fixture.receive(down)
        #expect(fixture.written() == down)
        // What has no first fragment here has none there either.
        fixture.device.inject([MemoryPacket(up[1])])
        fixture.receive([down[2]])
        #expect(try fixture.sent().isEmpty && fixture.written().isEmpty)
        #expect(fixture.client.counters.refused(.upstream, .fragmentWithoutFirst) == 1)
        #expect(fixture.client.counters.refused(.downstream, .fragmentWithoutFirst) == 1)
    }

    @Test("of queries and answers follow the transparent resolver, all of them", arguments: IPVersion.allCases)
    func dns(_ version: IPVersion) throws {
        let (local, resolver) = (Sample.local(version), Self.resolver(version))
        let transparent = DNSResolvers.original[version][0]
        let fixture = try Fixture {
            $0.localDNSAddresses = DNSResolvers([resolver])
            $0.transparentDNSAddresses = .original
        }
        let query = Sample.upstreamUDP(
            version,
            destination: resolver,
            destinationPort: 53,
            payload: patternBytes(4_000)
        )
        fixture.device.inject(
            PacketBuilder.fragments(of: query, mtu: 1_500, identification: 5).map { MemoryPacket($0) }
        )
        let sent = try #require(PacketBuilder.reassembled(try fixture.sent()))
        #expect(try Sample.summary(sent).destination == transparent)
        #expect(PacketBuilder.checksumsAreValid(sent))
        let answer = Sample.downstreamUDP(to: local, source: transparent, sourcePort: 53, payload: patternBytes(4_000))
        fixture.receive(PacketBuilder.fragments(of: answer, mtu: 1_500, identification: 5))
        let written = try #require(PacketBuilder.reassembled(fixture.written()))
        #expect(try Sample.summary(written).source == resolver)
        #expect(PacketBuilder.checksumsAreValid(written))
    }

    @Test("a program whose packet is dropped here is told, within a rate", arguments: IPVersion.allCases)
    func refusals(_ version: IPVersion) throws {
        let fixture = try Fixture()
        let (local, remote) = (Sample.local(version), Sample.remote(version))
        let echo = PacketBuilder.icmpEcho(source: local, destination: remote)
        fixture.device.inject(MemoryPacket(echo), count: 300)
        let answers = fixture.written()
        #expect(answers.count == 100)
        let answer = try #require(answers.first)
        let header = version == .v4 ? 20 : 40
        #expect(Array(answer[header...(header + 1)]) == (version == .v4 ? [3, 13] : [1, 1]))
        #expect(try Sample.summary(answer).destination == local)
        #expect(PacketBuilder.checksumsAreValid(answer))
        #expect(try fixture.sent().isEmpty)
    }

    @Test(
        "what the server says about a refused packet passes, whatever ICMP is permitted",
        arguments: IPVersion.allCases
    )
    func serverRefuses(_ version: IPVersion) throws {
        let answer = PacketBuilder.icmpError(
            source: Sample.remote(version),
            destination: Sample.local(version),
            type: version == .v4 ? 3 : 1,
            code: version == .v4 ? 13 : 1,
            quoting: Sample.upstreamUDP(version)
        )
        let fixture = try Fixture()
        fixture.receive([answer])
        #expect(fixture.written() == [answer])
        let silent = try Fixture { $0.policy.refusals = .drop }
        silent.receive([answer])
        #expect(silent.written().isEmpty)
    }
}
