import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Refused packets")
struct RejectReasonTests {
    // MARK: Upstream

    @Test(
        "a client's packet is refused for its reason, counted upstream, and left untouched, under either set of rules",
        arguments: upstreamCases,
        RuleSet.allCases
    )
    func upstream(_ refused: RefusedPacket, _ rules: RuleSet) throws {
        for framing in ChannelFraming.allCases { try expectRefusal(refused, framing, rules) }
    }

    private func expectRefusal(_ refused: RefusedPacket, _ framing: ChannelFraming, _ rules: RuleSet) throws {
        let harness = try ServerHarness {
            $0.policy = rules.policy
            refused.configure(&$0)
        }
        let connection = try harness.connect(framing: framing, hooks: refused.hooks)
        for packet in refused.prelude { connection.send(packet) }
        harness.runAll()
        #expect(harness.device.takeWritten().count == refused.prelude.count)
        let frame = MemoryFrames.frame(refused.packet, offload: refused.offload, as: framing)
        connection.transport.deliver(frame) { memory in #expect(Array(memory) == frame) }
        #expect(harness.device.takeWritten().isEmpty)
        expectOnly(refused.reason(rules), .upstream, in: harness.counters())
        #expect(!connection.transport.isClosed)
        // The seed's rules answer nothing but a name that may not be looked up.
        if rules == .seed, refused.reason != .disallowedDomain { #expect(connection.transport.writtenCount == 0) }
    }

    static let upstreamCases: [RefusedPacket] = IPVersion.allCases.flatMap { version in
        malformed(version) + addresses(version) + hooks(version) + dns(version)
    }

    private static func malformed(_ version: IPVersion) -> [RefusedPacket] {
        RefusedPacket.malformed(
            version,
            udp: Sample.upstreamUDP(version),
            tcp: PacketBuilder.tcp(source: Sample.local(version), destination: Sample.remote(version)),
            other: PacketBuilder.icmpEcho(source: Sample.local(version), destination: Sample.remote(version))
        )
    }

    private static func addresses(_ version: IPVersion) -> [RefusedPacket] {
        let destinations =
            version == .v4
            ? ["127.0.0.1", "10.0.0.9", "192.168.7.7", "169.254.169.254", "224.0.0.251", "255.255.255.255", "0.0.0.0"]
            : ["::1", "fd00:ec2::254", "fe80::1", "ff02::fb", "64:ff9b::7f00:1", "2001:db8::1", "::"]
        let sources = version == .v4 ? ["127.0.0.1", "224.0.0.1", "0.0.0.0"] : ["::1", "ff02::1", "::"]
        var cases: [RefusedPacket] = []
        for text in destinations {
            guard let address = IPAddress(text) else { continue }
            let packet = Sample.upstreamUDP(version, destination: address)
            cases.append(RefusedPacket(.invalidDestinationAddress, "to \(text)", packet))
        }
        for text in sources {
            guard let address = IPAddress(text) else { continue }
            let packet = Sample.upstreamUDP(version, source: address)
            cases.append(RefusedPacket(.invalidSourceAddress, "first from \(text)", packet))
        }
        let other = IPAddress(bits: Sample.local(version).bits + 1)
        let spoofed = Sample.upstreamUDP(version, source: other)
        cases.append(
            RefusedPacket(.invalidSourceAddress, "from another \(version)", spoofed)
                .with { $0.prelude = [Sample.upstreamUDP(version)] }
        )
        return cases
    }

    private static func hooks(_ version: IPVersion) -> [RefusedPacket] {
        let tcp = PacketBuilder.tcp(
            source: Sample.local(version),
            destination: Sample.remote(version),
            destinationPort: 25
        )
        return [
            RefusedPacket(.disallowedTCPDestinationPort, "\(version)", tcp)
                .with { $0.hooks.allowsTCPPort = { $1 != 25 } },
            RefusedPacket(.disallowedUDPDestinationPort, "\(version)", Sample.upstreamUDP(version))
                .with { $0.hooks.allowsUDPPort = { $1 != 4_433 } },
        ]
    }

    private static func dns(_ version: IPVersion) -> [RefusedPacket] {
        let resolver = Sample.remote(version)
        let transparent = try? AddressPool(ipv4: TunnelDefaults.ipv4Pool, ipv6: TunnelDefaults.ipv6Pool)
            .transparentDNSAddresses
        guard let target = version == .v4 ? transparent?.ipv4 : transparent?.ipv6 else { return [] }
        func packet(_ address: IPAddress, _ payload: [UInt8], port: UInt16 = 53) -> [UInt8] {
            Sample.upstreamUDP(version, destination: address, destinationPort: port, payload: payload)
        }
        var twoQuestions = Sample.query("example.org")
        twoQuestions[5] = 2
        var hooks = ClientHooks()
        hooks.allowsDomain = { $0 != "forbidden.example" }
        return [
            RefusedPacket(.noDNSResolvers, "\(version)", packet(target, Sample.query("example.org")))
                .with { $0.configure = { $0.dnsResolvers = { DNSResolvers() } } },
            RefusedPacket(.invalidDestinationAddress, "\(version) resolver, other port", packet(target, [], port: 80)),
            RefusedPacket(.invalidDNSMessage, "\(version), two questions", packet(resolver, twoQuestions))
                .with { $0.hooks = hooks },
            RefusedPacket(.invalidDNSMessage, "\(version), empty", packet(resolver, [])).with { $0.hooks = hooks },
            RefusedPacket(.disallowedDomain, "\(version)", packet(target, Sample.query("Forbidden.Example")))
                .with { $0.hooks = hooks },
        ]
    }

    @Test("a packet that the device does not take counts as a full queue", arguments: IPVersion.allCases)
    func deviceIsFull(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        harness.device.capacity = 0
        connection.send(Sample.upstreamUDP(version))
        expectOnly(.queueFull, .upstream, in: harness.counters())
        #expect(harness.counters().carried(.upstream, version, .udp) == TrafficCount())
    }

    @Test("a frame that contradicts its packet is refused, and the channel goes on", arguments: badOffloads)
    func badOffload(_ refused: RefusedPacket) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: .gso)
        harness.runAll()
        let frame = MemoryFrames.frame(refused.packet, offload: refused.offload, as: .gso)
        connection.transport.deliver(frame) { memory in #expect(Array(memory) == frame) }
        expectOnly(.invalidFrame, .upstream, in: harness.counters())
        #expect(!connection.transport.isClosed)
        #expect(harness.device.takeWritten().isEmpty)
    }

    static let badOffloads: [RefusedPacket] = IPVersion.allCases.flatMap { version in
        func tcp(_ count: Int, flags: UInt8 = TCPFlags.ack) -> [UInt8] {
            PacketBuilder.tcp(
                source: Sample.local(version),
                destination: Sample.remote(version),
                flags: flags,
                payload: patternBytes(count)
            )
        }
        func refused(_ title: String, _ packet: [UInt8], _ size: UInt16) -> RefusedPacket {
            RefusedPacket(.invalidFrame, "\(version), \(title)", packet)
                .with { $0.offload = PacketOffload(segmentSize: size, checksumIsPartial: true) }
        }
        return [
            refused("segments of 255 bytes", tcp(4_000), 255),
            refused("segments beyond the MTU", tcp(4_000), UInt16(version == .v4 ? 1_461 : 1_441)),
            refused("no more than one segment", tcp(1_000), 1_000),
            refused("a SYN in a super-packet", tcp(4_000, flags: TCPFlags.syn), 1_000),
            refused("beyond the MTU in one piece", tcp(1_500), 0),
        ]
    }

    // MARK: Downstream

    @Test(
        "a malformed packet from the device is counted downstream, and nobody is told",
        arguments: IPVersion.allCases,
        RuleSet.allCases
    )
    func malformedDownstream(_ version: IPVersion, _ rules: RuleSet) throws {
        let harness = try ServerHarness { $0.policy = rules.policy }
        let connection = try harness.connect()
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let address = try harness.address(version)
        let cases = RefusedPacket.malformed(
            version,
            udp: Sample.downstreamUDP(to: address),
            tcp: PacketBuilder.tcp(source: Sample.remote(version), destination: address),
            other: PacketBuilder.icmpEcho(source: Sample.remote(version), destination: address)
        )
        for refused in cases {
            let reason = refused.reason(rules)
            let before = harness.refusedDownstream(reason)
            harness.device.inject(refused.packet)
            #expect(harness.refusedDownstream(reason) == before + 1, "\(refused.testDescription)")
        }
        #expect(try connection.received().isEmpty)
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test(
        "a packet for nobody, and one for a client that is away, have reasons of their own",
        arguments: IPVersion.allCases
    )
    func nobody(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        let address = try harness.address(version)
        harness.device.inject(Sample.downstreamUDP(to: IPAddress(bits: address.bits ^ 1)))
        #expect(harness.refusedDownstream(.noSession) == 1)
        connection.transport.finish()
        // What comes now waits for the client, up to a limit.
        let packet = Sample.downstreamUDP(to: address, payload: patternBytes(1_000))
        let room = ParkedPackets.limit / packet.count
        harness.device.inject(MemoryPacket(packet), count: room)
        #expect(harness.refusedDownstream(.noClient) == 0)
        harness.device.inject(MemoryPacket(packet), count: 10)
        #expect(harness.refusedDownstream(.noClient) == 10)
    }

    @Test(
        "until a client has sent a packet of a family there is no address to write back",
        arguments: IPVersion.allCases
    )
    func noOriginalAddress(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        connection.send(Sample.upstreamUDP(version == .v4 ? .v6 : .v4))
        harness.device.inject(Sample.downstreamUDP(to: try harness.address(version)))
        expectOnly(.noOriginalAddress, .downstream, in: harness.counters())
    }

    @Test("a full queue towards a client drops, and counts what it drops", arguments: ChannelFraming.allCases)
    func queueFull(_ framing: ChannelFraming) throws {
        let harness = try ServerHarness { $0.downstreamQueueLimitInBytes = 128 << 10 }
        let transport = MemoryTransport(on: harness.loop, writableByteCount: 0)
        let connection = try harness.connect(framing: framing, transport: transport)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        let packet = Sample.downstreamUDP(to: try harness.address(.v4), payload: patternBytes(1_000))
        harness.device.inject(MemoryPacket(packet), count: 200)
        let dropped = harness.counters().refused(.downstream, .queueFull)
        #expect(dropped > 100)
        transport.allow(.max)
        #expect(try connection.received().count == 200 - Int(dropped))
        let carried = harness.counters().carried(.downstream, .v4, .udp)
        #expect(carried.packets == 200 - dropped)
        #expect(carried.bytes == carried.packets * Int64(packet.count))
        #expect(carried.applicationBytes == carried.packets * 1_000)
    }

    @Test(
        "a refused packet towards a client is left untouched, and stays the caller's",
        arguments: [RejectReason.disallowedTCPDestinationPort, .disallowedUDPDestinationPort]
    )
    func downstreamUntouched(_ reason: RejectReason) throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        if reason == .disallowedTCPDestinationPort { hooks.allowsTCPPort = { _, _ in false } }
        if reason == .disallowedUDPDestinationPort { hooks.allowsUDPPort = { $1 == 4_433 } }
        let connection = try harness.connect(hooks: hooks)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        let client = try #require(harness.server.sessions.client(of: Sample.alice))
        let address = try harness.address(.v4)
        let packet =
            reason == .disallowedTCPDestinationPort
            ? PacketBuilder.tcp(source: Sample.remote(.v4), destination: address, sourcePort: 25)
            : Sample.downstreamUDP(to: address, sourcePort: 9)
        let summary = try Sample.summary(packet)
        var buffer = client.worker.pool.takeLarge()
        buffer.length = packet.count
        buffer.bytes.copyBytes(from: packet)
        guard let refused = client.processDownstream(buffer, summary: summary) else {
            Issue.record("the buffer was kept")
            return
        }
        let rest = Array(refused.bytes)
        client.worker.pool.release(refused)
        #expect(rest == packet)
        expectOnly(reason, .downstream, in: harness.counters())
    }

    private func expectOnly(
        _ reason: RejectReason,
        _ direction: PacketDirection,
        in counters: PacketCounters,
        location: SourceLocation = #_sourceLocation
    ) {
        for other in RejectReason.allCases {
            for way in PacketDirection.allCases {
                let expected: Int64 = other == reason && way == direction ? 1 : 0
                #expect(counters.refused(way, other) == expected, "\(way) \(other)", sourceLocation: location)
            }
        }
    }
}

extension ServerHarness {
    /// Packets from the device that were refused for a reason, whether or not their client was known by then.
    func refusedDownstream(_ reason: RejectReason) -> Int64 {
        server.workers.reduce(counters().refused(.downstream, reason)) {
            $0 + $1.figures.strays.refused(.downstream, reason)
        }
    }
}
