import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Fragments through the server")
struct FragmentTests {
    private static let size = 4_000

    private func harness(hooks: ClientHooks = ClientHooks(), framing: ChannelFraming = .gso) throws -> (
        ServerHarness, Connection
    ) {
        let harness = try ServerHarness { $0.policy = RuleSet.daemon.policy }
        let connection = try harness.connect(framing: framing, hooks: hooks)
        harness.runAll()
        return (harness, connection)
    }

    private func datagram(_ version: IPVersion, port: UInt16 = 4_433) -> [UInt8] {
        Sample.upstreamUDP(version, destinationPort: port, payload: patternBytes(Self.size))
    }

    private func fragments(_ packet: [UInt8], identification: UInt32 = 7) -> [[UInt8]] {
        PacketBuilder.fragments(of: packet, mtu: 1_500, identification: identification)
    }

    private func written(_ harness: ServerHarness) -> [[UInt8]] { harness.device.takeWritten().map(\.bytes) }

    @Test(
        "of a client's datagram leave in order with the assigned address, and it is whole and right behind them",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func upstream(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let (harness, connection) = try harness(framing: framing)
        let pieces = fragments(datagram(version))
        #expect(pieces.count == 3)
        connection.sendTogether(pieces)
        let packet = try #require(PacketBuilder.reassembled(written(harness)))
        #expect(PacketBuilder.checksumsAreValid(packet))
        let summary = try Sample.summary(packet)
        #expect(summary.source == (try harness.address(version)))
        #expect(Array(packet[summary.headerLength...]) == patternBytes(Self.size))
        let carried = harness.counters().carried(.upstream, version, .udp)
        #expect(carried.packets == 3 && carried.applicationBytes == Int64(Self.size))
    }

    @Test(
        "of an answer reach the client at its own address, before and after other packets of the flow",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func downstream(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let (harness, connection) = try harness(framing: framing)
        connection.send(Sample.upstreamUDP(version))
        let answer = Sample.downstreamUDP(to: try harness.address(version), payload: patternBytes(Self.size))
        harness.device.inject(fragments(answer).map { MemoryPacket($0) })
        let packet = try #require(PacketBuilder.reassembled(try connection.received().map(\.bytes)))
        #expect(PacketBuilder.checksumsAreValid(packet))
        #expect(try Sample.summary(packet).destination == Sample.local(version))
    }

    @Test("stay in order in the queue to a slow client, beside other flows", arguments: IPVersion.allCases)
    func order(_ version: IPVersion) throws {
        let harness = try ServerHarness { $0.policy = RuleSet.daemon.policy }
        let transport = MemoryTransport(on: harness.loop, writableByteCount: 0)
        let connection = try harness.connect(framing: .gso, transport: transport)
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        let address = try harness.address(version)
        let answer = fragments(Sample.downstreamUDP(to: address, payload: patternBytes(Self.size)))
        let other = Sample.downstreamUDP(to: address, payload: patternBytes(900))
        harness.device.inject([other, answer[0], other, answer[1], other, answer[2]].map { MemoryPacket($0) })
        transport.allow(.max)
        let received = try connection.received().map(\.bytes)
        let pieces = received.filter { $0.count != other.count }
        #expect(received.count == 6 && PacketBuilder.reassembled(pieces) != nil)
    }

    @Test("of a refused datagram are all refused, and only the first is answered", arguments: IPVersion.allCases)
    func refused(_ version: IPVersion) throws {
        var hooks = ClientHooks()
        hooks.allowsUDPPort = { $1 != 9 }
        let (harness, connection) = try harness(hooks: hooks)
        connection.sendTogether(fragments(datagram(version, port: 9)))
        #expect(written(harness).isEmpty)
        #expect(harness.counters().refused(.upstream, .disallowedUDPDestinationPort) == 1)
        #expect(harness.counters().refused(.upstream, .fragmentWithoutFirst) == 2)
        #expect(try connection.received().count == 1)
    }

    @Test("that come before the first one, twice, or over each other are refused", arguments: IPVersion.allCases)
    func outOfOrder(_ version: IPVersion) throws {
        let (harness, connection) = try harness()
        let pieces = fragments(datagram(version))
        connection.send(pieces[1], pieces[0], pieces[1])
        #expect(written(harness).count == 2)
        #expect(harness.counters().refused(.upstream, .fragmentWithoutFirst) == 1)
        // Once more, and the whole datagram is given up: what an overlap means is not known (RFC 5722).
        connection.send(pieces[1], pieces[2])
        #expect(written(harness).isEmpty)
        #expect(harness.counters().refused(.upstream, .fragmentOverlap) == 1)
        #expect(harness.counters().refused(.upstream, .fragmentWithoutFirst) == 2)
        connection.send(pieces[0], pieces[0], pieces[1])
        #expect(written(harness).count == 1)
        #expect(harness.counters().refused(.upstream, .fragmentOverlap) == 2)
    }

    @Test("a first fragment without the whole transport header is refused", arguments: IPVersion.allCases)
    func tiny(_ version: IPVersion) throws {
        let (harness, connection) = try harness()
        let tcp = PacketBuilder.tcp(
            source: Sample.local(version),
            destination: Sample.remote(version),
            flags: TCPFlags.syn,
            options: [2, 4, 5, 180],
            payload: patternBytes(64)
        )
        let header = version == .v4 ? 20 : 40
        for length in [8, 16] {
            let piece = Array(tcp[header..<(header + length)])
            connection.send(
                PacketBuilder.fragment(
                    piece,
                    offset: 0,
                    hasMore: true,
                    header: Array(tcp[..<header]),
                    identification: 3
                )
            )
        }
        // The header's end, behind a first fragment that has only its beginning (RFC 3128).
        connection.send(
            PacketBuilder.fragment(
                Array(tcp[(header + 8)...]),
                offset: 8,
                hasMore: false,
                header: Array(tcp[..<header]),
                identification: 3
            )
        )
        #expect(written(harness).isEmpty)
        #expect(harness.counters().refused(.upstream, .fragmentTooShort) == 2)
        #expect(harness.counters().refused(.upstream, .fragmentWithoutFirst) == 1)
    }

    @Test("a datagram that would be longer than any may be is refused", arguments: IPVersion.allCases)
    func tooLong(_ version: IPVersion) throws {
        let (harness, connection) = try harness()
        let pieces = fragments(datagram(version))
        connection.send(pieces[0])
        let header = Array(datagram(version)[..<(version == .v4 ? 20 : 40)])
        connection.send(
            PacketBuilder.fragment(patternBytes(64), offset: 65_528, hasMore: false, header: header, identification: 7)
        )
        #expect(written(harness).count == 1)
        #expect(harness.counters().refused(.upstream, .invalidIPPacketLength) == 1)
    }

    @Test("whose rest never comes are forgotten in time, and the oldest for a new one", arguments: IPVersion.allCases)
    func limits(_ version: IPVersion) throws {
        let (harness, connection) = try harness()
        let count = UInt32(FragmentTable.limit)
        func first(_ identification: UInt32) -> [UInt8] {
            fragments(datagram(version), identification: identification)[0]
        }
        func last(_ identification: UInt32) -> [UInt8] {
            fragments(datagram(version), identification: identification)[2]
        }
        for identification in 1...(count + 1) { connection.send(first(identification)) }
        #expect(written(harness).count == Int(count) + 1)
        #expect(harness.counters().refused(.upstream, .fragmentLimit) == 1)
        connection.send(last(1), last(2), last(count + 1))
        #expect(written(harness).count == 2)
        #expect(harness.counters().refused(.upstream, .fragmentWithoutFirst) == 1)
        harness.loop.advance(by: .seconds(31))
        connection.send(last(3))
        #expect(written(harness).isEmpty)
        #expect(harness.counters().refused(.upstream, .fragmentWithoutFirst) == 2)
    }

    @Test("of two clients with the same numbers do not mix", arguments: IPVersion.allCases)
    func clients(_ version: IPVersion) throws {
        let (harness, alice) = try harness()
        let bob = try harness.connect(Sample.bob, framing: .gso)
        harness.runAll()
        let pieces = fragments(datagram(version))
        alice.send(pieces[0])
        bob.send(pieces[1])
        #expect(written(harness).count == 1)
        #expect(harness.counters(Sample.bob).refused(.upstream, .fragmentWithoutFirst) == 1)
    }

    @Test("a large query and its large answer pass the transparent address", arguments: IPVersion.allCases)
    func transparentDNS(_ version: IPVersion) throws {
        var hooks = ClientHooks()
        hooks.allowsDomain = { $0 != "secret.example" }
        let (harness, connection) = try harness(hooks: hooks)
        let addresses = harness.server.addressPool.transparentDNSAddresses
        let transparent = version == .v4 ? addresses.ipv4 : addresses.ipv6
        func query(_ name: String) -> [[UInt8]] {
            let payload = Sample.query(name) + patternBytes(Self.size)
            return fragments(
                Sample.upstreamUDP(version, destination: transparent, destinationPort: 53, payload: payload)
            )
        }
        connection.sendTogether(query("example.org"))
        let sent = try #require(PacketBuilder.reassembled(written(harness)))
        #expect(PacketBuilder.checksumsAreValid(sent))
        let asked = try Sample.summary(sent)
        #expect(Sample.resolvers(version).contains(asked.destination))
        let answer = Sample.downstreamUDP(
            to: asked.source,
            source: asked.destination,
            sourcePort: 53,
            payload: Sample.query("example.org") + patternBytes(Self.size)
        )
        harness.device.inject(fragments(answer).map { MemoryPacket($0) })
        let received = try #require(PacketBuilder.reassembled(try connection.received().map(\.bytes)))
        #expect(PacketBuilder.checksumsAreValid(received))
        #expect(try Sample.summary(received).source == transparent)
        connection.sendTogether(query("secret.example"))
        #expect(written(harness).isEmpty)
    }

    @Test("a piece of a TCP query whose names are judged is refused", arguments: IPVersion.allCases)
    func judgedStream(_ version: IPVersion) throws {
        var hooks = ClientHooks()
        hooks.allowsDomain = { _ in true }
        let (harness, connection) = try harness(hooks: hooks)
        let tcp = PacketBuilder.tcp(
            source: Sample.local(version),
            destination: Sample.remote(version),
            destinationPort: 53,
            payload: patternBytes(2_000)
        )
        connection.sendTogether(fragments(tcp))
        #expect(written(harness).isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidDNSMessage) == 1)
    }

    @Test("a datagram of one fragment passes by itself", arguments: [true, false])
    func atomic(_ isPermitted: Bool) throws {
        var hooks = ClientHooks()
        hooks.allowsUDPPort = { _, _ in isPermitted }
        let (harness, connection) = try harness(hooks: hooks)
        let packet = Sample.upstreamUDP(.v6)
        let atomic = PacketBuilder.fragment(
            Array(packet[40...]),
            offset: 0,
            hasMore: false,
            header: Array(packet[..<40]),
            identification: 1
        )
        connection.send(atomic, atomic)
        #expect(written(harness).count == (isPermitted ? 2 : 0))
    }

    @Test("with a frame that leaves something to do are refused", arguments: IPVersion.allCases)
    func offload(_ version: IPVersion) throws {
        let (harness, connection) = try harness()
        for offload in [
            PacketOffload(segmentSize: 0, checksumIsPartial: true),
            PacketOffload(segmentSize: 600, checksumIsPartial: true),
        ] {
            connection.send(fragments(datagram(version))[0], offload: offload)
        }
        #expect(written(harness).isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidFrame) == 2)
    }
}
