import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Transparent DNS on the server")
struct TransparentDNSTests {
    private static let query = Sample.query("example.org")

    private func transparent(_ harness: ServerHarness, _ version: IPVersion) -> IPAddress {
        let addresses = harness.server.addressPool.transparentDNSAddresses
        return version == .v4 ? addresses.ipv4 : addresses.ipv6
    }

    private func ask(_ version: IPVersion, _ target: IPAddress, port: UInt16 = 40_000) -> [UInt8] {
        Sample.upstreamUDP(version, destination: target, sourcePort: port, destinationPort: 53, payload: Self.query)
    }

    private func answer(_ query: PacketSummary) -> [UInt8] {
        Sample.downstreamUDP(
            to: query.source,
            source: query.destination,
            sourcePort: 53,
            destinationPort: query.sourcePort,
            payload: Self.query
        )
    }

    @Test(
        "a query to the transparent address goes to a resolver, and the answer comes from the transparent address",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func bothWays(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        let target = transparent(harness, version)
        connection.send(ask(version, target))
        let written = try #require(harness.device.takeWritten().first).bytes
        let sent = try Sample.summary(written)
        #expect(Sample.resolvers(version).contains(sent.destination))
        #expect(PacketBuilder.checksumsAreValid(written))
        harness.device.inject(answer(sent))
        let received = try #require(try connection.received().first).bytes
        let summary = try Sample.summary(received)
        #expect(summary.source == target)
        #expect(summary.destination == Sample.local(version))
        #expect(PacketBuilder.checksumsAreValid(received))
    }

    @Test("a client that asks one of the resolvers directly gets its answer from there", arguments: IPVersion.allCases)
    func direct(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        for resolver in Sample.resolvers(version) {
            connection.send(ask(version, resolver, port: 50_000))
            let sent = try Sample.summary(try #require(harness.device.takeWritten().first).bytes)
            #expect(sent.destination == resolver)
            harness.device.inject(answer(sent))
            let received = try #require(try connection.received().first)
            #expect(try Sample.summary(received.bytes).source == resolver)
        }
        // The same client asks the transparent address meanwhile, from another port.
        connection.send(ask(version, transparent(harness, version), port: 50_001))
        let sent = try Sample.summary(try #require(harness.device.takeWritten().first).bytes)
        harness.device.inject(answer(sent))
        let received = try #require(try connection.received().first)
        #expect(try Sample.summary(received.bytes).source == transparent(harness, version))
    }

    @Test("queries spread over the resolvers, also those of one flow", arguments: IPVersion.allCases)
    func spreads(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        var counts: [IPAddress: Int] = [:]
        for _ in 0..<200 {
            connection.send(ask(version, transparent(harness, version)))
            let written = harness.device.takeWritten()
            let sent = try Sample.summary(try #require(written.first).bytes)
            #expect(written.count == 1)
            counts[sent.destination, default: 0] += 1
            harness.device.inject(answer(sent))
            #expect(
                try Sample.summary(try #require(try connection.received().first).bytes).source
                    == transparent(harness, version)
            )
        }
        #expect(counts.count == 2)
        #expect(counts.values.allSatisfy { $0 > 50 })
    }

    @Test(
        "an answer that arrives after a reconnection still comes from the transparent address",
        arguments: IPVersion.allCases
    )
    func lateAnswer(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let first = try harness.connect()
        harness.runAll()
        first.send(ask(version, transparent(harness, version)))
        let sent = try Sample.summary(try #require(harness.device.takeWritten().first).bytes)
        let second = try harness.connect()
        harness.runAll()
        second.send(Sample.upstreamUDP(version))
        harness.device.inject(answer(sent))
        let received = try #require(try second.received().first)
        #expect(try Sample.summary(received.bytes).source == transparent(harness, version))
    }

    @Test("resolvers may be private addresses without becoming reachable themselves")
    func privateResolver() throws {
        let resolver = try #require(IPAddress("192.168.77.1"))
        let harness = try ServerHarness { $0.dnsResolvers = { DNSResolvers(ipv4: [resolver]) } }
        let connection = try harness.connect()
        harness.runAll()
        connection.send(ask(.v4, transparent(harness, .v4)))
        let sent = try Sample.summary(try #require(harness.device.takeWritten().first).bytes)
        #expect(sent.destination == resolver)
        harness.device.inject(answer(sent))
        #expect(try connection.received().count == 1)
        connection.send(ask(.v4, resolver, port: 1_024), Sample.upstreamUDP(.v4, destination: resolver))
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidDestinationAddress) == 2)
    }

    @Test("resolvers are asked for once per session, and a resumed session keeps its own")
    func askedPerSession() throws {
        let resolvers = ChangingResolvers()
        let harness = try ServerHarness { $0.dnsResolvers = { resolvers.next() } }
        var seen: [IPAddress] = []
        for identity in [Sample.alice, Sample.alice, Sample.bob] {
            let connection = try harness.connect(identity)
            harness.runAll()
            connection.send(ask(.v4, transparent(harness, .v4)))
            seen.append(try Sample.summary(try #require(harness.device.takeWritten().first).bytes).destination)
            connection.transport.finish()
        }
        #expect(seen.map(\.ipv4) == [0x0101_0101, 0x0101_0101, 0x0101_0102])
    }

    @Test("a datagram that carries several queries is refused where names are checked")
    func severalQueries() throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        hooks.allowsDomain = { $0 != "forbidden.example" }
        let connection = try harness.connect(framing: .gso, hooks: hooks)
        harness.runAll()
        let padding = [UInt8](repeating: 0, count: 300 - Sample.query("example.org").count)
        let payload = Sample.query("example.org") + padding + Sample.query("forbidden.example")
        let packet = Sample.upstreamUDP(
            .v4,
            destination: transparent(harness, .v4),
            destinationPort: 53,
            payload: payload
        )
        connection.send(packet, offload: PacketOffload(segmentSize: 300, checksumIsPartial: false))
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidDNSMessage) == 1)
    }
}

/// Gives another resolver each time.
private final class ChangingResolvers: @unchecked Sendable {
    private var last: UInt32 = 0x0101_0100

    func next() -> DNSResolvers {
        last += 1
        return DNSResolvers(ipv4: [IPAddress(ipv4: last)])
    }
}
