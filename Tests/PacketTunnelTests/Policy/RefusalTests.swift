import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Answers to refused packets")
struct RefusalTests {
    private func connect(
        _ framing: ChannelFraming = .gso,
        configure: (inout TrafficPolicy) -> Void = { _ in }
    ) throws -> (ServerHarness, Connection) {
        let harness = try ServerHarness {
            $0.policy = RuleSet.daemon.policy
            configure(&$0.policy)
        }
        var hooks = ClientHooks()
        hooks.allowsTCPPort = { $1 != 25 }
        hooks.allowsUDPPort = { $1 != 25 }
        let connection = try harness.connect(framing: framing, hooks: hooks)
        harness.runAll()
        return (harness, connection)
    }

    private static func denied(_ version: IPVersion) -> IPAddress {
        version == .v4 ? IPAddress(ipv4: 0xc0a8_4242) : IPAddress(bits: 0xfd42 << 112 | 1)
    }

    /// The answer has to say "administratively prohibited", about `packet`, to its sender.
    private func expectProhibited(_ answers: [MemoryPacket], _ packet: [UInt8], _ version: IPVersion) throws {
        let answer = try #require(answers.first).bytes
        #expect(answers.count == 1)
        #expect(PacketBuilder.checksumsAreValid(answer))
        let summary = try Sample.summary(answer)
        #expect(summary.destination == Sample.local(version))
        let header = version == .v4 ? 20 : 40
        #expect(Array(answer[header...(header + 1)]) == (version == .v4 ? [3, 13] : [1, 1]))
        #expect(Array(answer[(header + 8)...]) == Array(packet.prefix(answer.count - header - 8)))
        #expect(answer.count <= (version == .v4 ? 576 : 1_280))
    }

    @Test(
        "a datagram to a denied network, a denied port, or of a protocol that is not carried is told so",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func prohibited(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let (harness, connection) = try connect(framing)
        let large = patternBytes(1_300)
        let packets = [
            Sample.upstreamUDP(version, destination: Self.denied(version)),
            Sample.upstreamUDP(version, destinationPort: 25, payload: large),
            PacketBuilder.icmpEcho(source: Sample.local(version), destination: Sample.remote(version)),
            PacketBuilder.ip(
                source: Sample.local(version),
                destination: Sample.remote(version),
                protocol: 47,
                payload: [1]
            ),
            PacketBuilder.ip(
                source: Sample.local(version),
                destination: Sample.remote(version),
                protocol: 132,
                payload: large
            ),
        ]
        for packet in packets {
            connection.send(packet)
            try expectProhibited(try connection.received(), packet, version)
        }
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test(
        "a TCP connection to what is denied is reset, wherever it stands",
        arguments: IPVersion.allCases,
        [TCPFlags.syn, TCPFlags.ack, TCPFlags.ack | TCPFlags.psh]
    )
    func reset(_ version: IPVersion, _ flags: UInt8) throws {
        let (harness, connection) = try connect()
        let (local, denied) = (Sample.local(version), Self.denied(version))
        let payload: [UInt8] = flags & TCPFlags.psh == 0 ? [] : [1, 2, 3]
        connection.send(
            PacketBuilder.tcp(
                source: local,
                destination: denied,
                sequence: 100,
                acknowledgement: flags == TCPFlags.syn ? 0 : 9_000,
                flags: flags,
                payload: payload
            )
        )
        let answer = try #require(try connection.received().first).bytes
        #expect(PacketBuilder.checksumsAreValid(answer))
        let summary = try Sample.summary(answer)
        #expect(summary.source == denied && summary.destination == local)
        #expect(summary.sourcePort == 443 && summary.destinationPort == 49_152)
        #expect(summary.tcpFlags == TCPFlags.rst | TCPFlags.ack)
        #expect(word(answer, at: summary.ipHeaderLength + 4) == (flags == TCPFlags.syn ? 0 : 9_000))
        let end = 100 + UInt32(payload.count) + (flags == TCPFlags.syn ? 1 : 0)
        #expect(word(answer, at: summary.ipHeaderLength + 8) == end)
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test(
        "nothing answers errors, resets, multicast, sources that are not the client's, and later fragments",
        arguments: IPVersion.allCases
    )
    func silent(_ version: IPVersion) throws {
        let (harness, connection) = try connect()
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let (local, denied) = (Sample.local(version), Self.denied(version))
        let multicast = try #require(IPAddress(version == .v4 ? "224.0.0.251" : "ff02::fb"))
        let other = IPAddress(bits: local.bits + 1)
        let packet = Sample.upstreamUDP(version, destination: denied, payload: patternBytes(2_000))
        let fragments = PacketBuilder.fragments(of: packet, mtu: 1_280, identification: 9)
        connection.send(
            PacketBuilder.icmpError(
                source: local,
                destination: denied,
                type: version == .v4 ? 3 : 1,
                code: 3,
                quoting: packet
            ),
            PacketBuilder.icmpEcho(source: local, destination: denied, isReply: true),
            PacketBuilder.tcp(source: local, destination: denied, flags: TCPFlags.rst),
            Sample.upstreamUDP(version, destination: multicast),
            PacketBuilder.tcp(source: local, destination: multicast, flags: TCPFlags.syn),
            Sample.upstreamUDP(version, source: other, destination: denied),
            PacketBuilder.tcp(source: other, destination: denied, flags: TCPFlags.syn),
            PacketBuilder.ip(source: other, destination: denied, protocol: 47, payload: [1]),
            fragments[1]
        )
        #expect(try connection.received().isEmpty)
        connection.send(fragments[0])
        try expectProhibited(try connection.received(), fragments[0], version)
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test("a client that scans is answered a burst, and then at a rate", arguments: IPVersion.allCases)
    func rate(_ version: IPVersion) throws {
        let (harness, connection) = try connect()
        let packet = Sample.upstreamUDP(version, destination: Self.denied(version))
        for _ in 0..<500 { connection.send(packet) }
        #expect(try connection.received().count == 100)
        harness.loop.advance(by: .seconds(1))
        for _ in 0..<500 { connection.send(packet) }
        #expect(try connection.received().count == 50)
        #expect(harness.counters().refused(.upstream, .invalidDestinationAddress) == 1_000)
    }

    @Test("a query without a resolver of its family is told so", arguments: IPVersion.allCases)
    func noResolver(_ version: IPVersion) throws {
        let harness = try ServerHarness {
            $0.policy = RuleSet.daemon.policy
            $0.dnsResolvers = { DNSResolvers() }
        }
        let connection = try harness.connect()
        harness.runAll()
        let addresses = harness.server.addressPool.transparentDNSAddresses
        let transparent = version == .v4 ? addresses.ipv4 : addresses.ipv6
        let query = Sample.upstreamUDP(
            version,
            destination: transparent,
            destinationPort: 53,
            payload: Sample.query("a")
        )
        connection.send(query)
        try expectProhibited(try connection.received(), query, version)
    }

    @Test("where fragments are refused, the first one is told so", arguments: IPVersion.allCases)
    func fragments(_ version: IPVersion) throws {
        let (_, connection) = try connect { $0.fragments = .refuse }
        let packet = Sample.upstreamUDP(version, payload: patternBytes(2_000))
        let pieces = PacketBuilder.fragments(of: packet, mtu: 1_280, identification: 9)
        connection.send(pieces[1], pieces[0])
        try expectProhibited(try connection.received(), pieces[0], version)
    }

    @Test("answers that a full queue drops were never counted as carried")
    func counters() throws {
        let harness = try ServerHarness {
            $0.policy = RuleSet.daemon.policy
            $0.downstreamQueueLimitInBytes = 128 << 10
        }
        let transport = MemoryTransport(on: harness.loop, writableByteCount: 0)
        let connection = try harness.connect(transport: transport)
        harness.runAll()
        for _ in 0..<100 { connection.send(Sample.upstreamUDP(.v4, destination: Self.denied(.v4))) }
        #expect(harness.counters().carried(.downstream, .v4, .icmp) == TrafficCount())
        transport.allow(.max)
        #expect(try connection.received().count == 100 - Int(harness.counters().refused(.downstream, .queueFull)))
    }
}
