import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Packet tunnel client")
struct PacketTunnelClientTests {
    @Test(
        "packets pass unchanged in both directions",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func passes(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let fixture = try ClientFixture()
        let transport = fixture.connect(framing)
        let up = Sample.upstreamUDP(version)
        fixture.device.inject(up)
        #expect(try fixture.sent(transport, framing) == [MemoryPacket(up)])
        let down = Sample.downstreamUDP(to: Sample.local(version))
        transport.deliver(MemoryFrames.frame(down, as: framing))
        #expect(fixture.device.takeWritten() == [MemoryPacket(down)])
        #expect(fixture.client.counters.carried(.upstream, version, .udp).packets == 1)
        #expect(fixture.client.counters.carried(.downstream, version, .udp).applicationBytes == 5)
    }

    @Test("what no server would route is dropped before it is sent, and counted", arguments: refusedUpstream)
    func filter(_ refused: RefusedPacket) throws {
        let fixture = try ClientFixture()
        let transport = fixture.connect(.psiphon)
        fixture.device.inject(refused.packet)
        #expect(transport.writtenCount == 0)
        for reason in RejectReason.allCases {
            #expect(fixture.client.counters.refused(.upstream, reason) == (reason == refused.reason ? 1 : 0))
        }
    }

    static let refusedUpstream: [RefusedPacket] = IPVersion.allCases.flatMap { version in
        let malformed = RefusedPacket.malformed(
            version,
            udp: Sample.upstreamUDP(version),
            tcp: PacketBuilder.tcp(source: Sample.local(version), destination: Sample.remote(version)),
            other: PacketBuilder.icmpEcho(source: Sample.local(version), destination: Sample.remote(version))
        )
        let texts =
            version == .v4
            ? ["224.0.0.251", "255.255.255.255", "127.0.0.1", "169.254.1.1"] : ["ff02::fb", "::1", "fe80::1"]
        let addresses = texts.compactMap { IPAddress($0) }.map {
            RefusedPacket(.invalidDestinationAddress, "to \($0)", Sample.upstreamUDP(version, destination: $0))
        }
        let source = version == .v4 ? IPAddress(ipv4: 0) : IPAddress(bits: 0)
        let unspecified = Sample.upstreamUDP(version, source: source)
        return malformed + addresses + [RefusedPacket(.invalidSourceAddress, "from \(source)", unspecified)]
    }

    @Test("malformed packets from the server are counted downstream and not written", arguments: IPVersion.allCases)
    func malformedDownstream(_ version: IPVersion) throws {
        let fixture = try ClientFixture()
        let transport = fixture.connect(.psiphon)
        let local = Sample.local(version)
        let cases = RefusedPacket.malformed(
            version,
            udp: Sample.downstreamUDP(to: local),
            tcp: PacketBuilder.tcp(source: Sample.remote(version), destination: local),
            other: PacketBuilder.icmpEcho(source: Sample.remote(version), destination: local)
        )
        for refused in cases {
            let before = fixture.client.counters.refused(.downstream, refused.reason)
            transport.deliver(MemoryFrames.frame(refused.packet, as: .psiphon))
            #expect(fixture.client.counters.refused(.downstream, refused.reason) == before + 1)
        }
        #expect(fixture.device.takeWritten().isEmpty)
    }

    @Test("without a server, and with traffic dropped, packets from the device go nowhere and are counted")
    func noServer() throws {
        let fixture = try ClientFixture()
        fixture.device.inject(Sample.upstreamUDP(.v4))
        #expect(fixture.client.counters.refused(.upstream, .noClient) == 1)
        let transport = fixture.connect(.psiphon)
        fixture.client.dropsTraffic = true
        fixture.device.inject(Sample.upstreamUDP(.v4))
        #expect(fixture.client.counters.refused(.upstream, .noClient) == 2)
        fixture.client.dropsTraffic = false
        fixture.device.inject(Sample.upstreamUDP(.v4))
        #expect(try fixture.sent(transport, .psiphon).count == 1)
    }

    @Test("the device stays while transports come and go", arguments: ChannelFraming.allCases)
    func reconnects(_ framing: ChannelFraming) throws {
        let fixture = try ClientFixture()
        let first = fixture.connect(framing)
        first.finish(reason: "line cut")
        #expect(fixture.disconnections == ["line cut"])
        let second = fixture.connect(framing)
        fixture.device.inject(Sample.upstreamUDP(.v4))
        #expect(try fixture.sent(second, framing).count == 1)
        let third = fixture.connect(framing)
        fixture.loop.run()
        #expect(second.isClosed)
        #expect(fixture.disconnections == ["line cut"])
        fixture.device.inject(Sample.upstreamUDP(.v4))
        #expect(try fixture.sent(third, framing).count == 1)
    }

    @Test("a broken frame from the server ends the connection with a reason", arguments: ChannelFraming.allCases)
    func brokenFrame(_ framing: ChannelFraming) throws {
        let fixture = try ClientFixture()
        let transport = fixture.connect(framing)
        transport.deliver([0, 0, 0, 0, 0, 0, 0])
        fixture.loop.run()
        #expect(transport.isClosed)
        #expect(fixture.disconnections.count == 1)
        #expect(fixture.disconnections.first?.hasPrefix("broken framing") == true)
        #expect(fixture.client.counters.refused(.downstream, .invalidFrame) == 1)
    }

    @Test("a full upstream queue drops, and counts", arguments: ChannelFraming.allCases)
    func queueFull(_ framing: ChannelFraming) throws {
        let fixture = try ClientFixture { $0.upstreamQueueLimitInBytes = 128 << 10 }
        let transport = fixture.connect(framing, MemoryTransport(on: fixture.loop, writableByteCount: 0))
        fixture.device.inject(MemoryPacket(Sample.upstreamUDP(.v4)), count: 500)
        let dropped = Int(fixture.client.counters.refused(.upstream, .queueFull))
        #expect(dropped > 400)
        transport.allow(.max)
        #expect(try fixture.sent(transport, framing).count == 500 - dropped)
    }

    @Test("a flood of small packets gives way to other threads after each batch", arguments: IPVersion.allCases)
    func givesWay(_ version: IPVersion) throws {
        let fixture = try ClientFixture()
        _ = fixture.connect(.gso)
        fixture.device.inject(MemoryPacket(Sample.upstreamUDP(version)), count: 63)
        #expect(fixture.loop.yieldCount == 0)
        fixture.device.inject(MemoryPacket(Sample.upstreamUDP(version)), count: 130)
        #expect(fixture.loop.yieldCount == 2)
    }

    @Test("stop closes the transport and the device, without a word about a disconnection")
    func stop() throws {
        let fixture = try ClientFixture()
        let transport = fixture.connect(.gso)
        fixture.loop.perform { fixture.client.stop() }
        fixture.loop.run()
        #expect(transport.isClosed)
        #expect(fixture.device.isClosed)
        #expect(fixture.disconnections.isEmpty)
    }

    // MARK: Local DNS

    private static let server = DNSResolvers(
        ipv4: [IPAddress(ipv4: 0x0a00_0002)],
        ipv6: [IPAddress(bits: 0xfd1d_7a6e_52c4 << 80 | 2)]
    )

    private func dnsFixture() throws -> ClientFixture {
        try ClientFixture {
            $0.localDNSAddresses = Sample.resolvers
            $0.transparentDNSAddresses = Self.server
        }
    }

    @Test(
        "queries to this host's resolvers go to the server's, and each answer seems to come from where it was asked",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func localDNS(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let fixture = try dnsFixture()
        let transport = fixture.connect(framing)
        let target = version == .v4 ? Self.server.ipv4[0] : Self.server.ipv6[0]
        for (number, resolver) in (Sample.resolvers(version) + [target]).enumerated() {
            let port = UInt16(30_000 + number)
            fixture.device.inject(Sample.dnsQuery(version, to: resolver, port: port))
            #expect(
                try fixture.sent(transport, framing) == [MemoryPacket(Sample.dnsQuery(version, to: target, port: port))]
            )
            transport.deliver(MemoryFrames.frame(Sample.dnsAnswer(version, from: target, port: port), as: framing))
            #expect(
                fixture.device.takeWritten() == [MemoryPacket(Sample.dnsAnswer(version, from: resolver, port: port))]
            )
        }
    }

    @Test("other packets to a resolver, and queries to others, are left alone", arguments: IPVersion.allCases)
    func otherTraffic(_ version: IPVersion) throws {
        let fixture = try dnsFixture()
        let transport = fixture.connect(.psiphon)
        let packets = [
            Sample.upstreamUDP(version, destination: Sample.resolvers(version)[0], destinationPort: 853),
            Sample.dnsQuery(version, to: Sample.remote(version), port: 30_000),
        ]
        for packet in packets { fixture.device.inject(packet) }
        #expect(try fixture.sent(transport, .psiphon) == packets.map { MemoryPacket($0) })
    }

    @Test("every answer finds its way back while thousands of queries are under way", arguments: IPVersion.allCases)
    func manyQueries(_ version: IPVersion) throws {
        let fixture = try dnsFixture()
        let transport = fixture.connect(.psiphon)
        let (resolver, target) = (
            Sample.resolvers(version)[1], version == .v4 ? Self.server.ipv4[0] : Self.server.ipv6[0]
        )
        for port in UInt16(20_000)..<24_000 {
            fixture.device.inject(Sample.dnsQuery(version, to: resolver, port: port))
            transport.deliver(MemoryFrames.frame(Sample.dnsAnswer(version, from: target, port: port), as: .psiphon))
            let written = try #require(fixture.device.takeWritten().first)
            try #require(try Sample.summary(written.bytes).source == resolver, "query \(port)")
        }
    }
}
