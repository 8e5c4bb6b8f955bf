import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Resolvers that do not answer")
struct ResolverHealthTests {
    /// A client of a server with two resolvers, only one of which answers.
    private struct Lookup {
        let harness: ServerHarness
        let connection: Connection
        let version: IPVersion
        let dead: IPAddress
        let alive: IPAddress

        init(_ version: IPVersion, framing: ChannelFraming = .gso, hooks: ClientHooks = ClientHooks()) throws {
            self.version = version
            harness = try ServerHarness { $0.policy = RuleSet.daemon.policy }
            connection = try harness.connect(framing: framing, hooks: hooks)
            harness.runAll()
            (dead, alive) = (Sample.resolvers(version)[0], Sample.resolvers(version)[1])
        }

        var transparent: IPAddress {
            let addresses = harness.server.addressPool.transparentDNSAddresses
            return version == .v4 ? addresses.ipv4 : addresses.ipv6
        }

        /// Asks over UDP; the living resolver answers at once. Returns where the query went.
        func ask(port: UInt16 = 40_000, at address: IPAddress? = nil) throws -> [IPAddress] {
            connection.send(
                Sample.upstreamUDP(
                    version,
                    destination: address ?? transparent,
                    sourcePort: port,
                    destinationPort: 53,
                    payload: Sample.query("example.org")
                )
            )
            let sent = try harness.device.takeWritten().map { try Sample.summary($0.bytes) }
            for query in sent where query.destination == alive { answer(query) }
            return sent.map(\.destination)
        }

        func answer(_ query: PacketSummary) {
            harness.device.inject(
                Sample.downstreamUDP(
                    to: query.source,
                    source: query.destination,
                    sourcePort: 53,
                    destinationPort: query.sourcePort,
                    payload: Sample.query("example.org")
                )
            )
        }

        /// Sends a TCP segment. Returns where it went.
        func segment(port: UInt16, flags: UInt8) throws -> PacketSummary {
            connection.send(
                PacketBuilder.tcp(
                    source: Sample.local(version),
                    destination: transparent,
                    sourcePort: port,
                    destinationPort: 53,
                    flags: flags
                )
            )
            return try Sample.summary(try #require(harness.device.takeWritten().first).bytes)
        }

        func answer(_ segment: PacketSummary, flags: UInt8) {
            harness.device.inject(
                PacketBuilder.tcp(
                    source: segment.destination,
                    destination: segment.source,
                    sourcePort: 53,
                    destinationPort: segment.sourcePort,
                    flags: flags
                )
            )
        }

        func wait(_ duration: Duration) { harness.loop.advance(by: duration) }
    }

    @Test(
        "are not asked again while another one answers, once a query has waited for a second",
        arguments: IPVersion.allCases
    )
    func avoided(_ version: IPVersion) throws {
        let client = try Lookup(version)
        while try client.ask() != [client.dead] {}
        client.wait(.seconds(1))
        for _ in 0..<50 { #expect(try client.ask() == [client.alive]) }
    }

    @Test(
        "get a copy of a query now and then, and are asked again once they have answered",
        arguments: IPVersion.allCases
    )
    func probed(_ version: IPVersion) throws {
        let client = try Lookup(version)
        while try client.ask() != [client.dead] {}
        client.wait(.seconds(11))
        let first = try client.ask()
        #expect(first == [client.alive, client.dead])
        #expect(try client.ask() == [client.alive])
        client.wait(.seconds(11))
        #expect(try client.ask().count == 2)
        _ = try client.connection.received()
        // The answer to the copy.
        let source = try client.harness.address(version)
        client.answer(
            try Sample.summary(
                Sample.upstreamUDP(version, source: source, destination: client.dead, destinationPort: 53)
            )
        )
        #expect(try client.connection.received().count == 1)
        let seen = Set(try (0..<50).flatMap { _ in try client.ask() })
        #expect(seen == [client.alive, client.dead])
    }

    @Test("if none answers, all are tried")
    func allSilent() throws {
        let client = try Lookup(.v4)
        var seen: Set<IPAddress> = []
        client.harness.device.capacity = .max
        for _ in 0..<50 {
            client.connection.send(
                Sample.upstreamUDP(
                    .v4,
                    destination: client.transparent,
                    destinationPort: 53,
                    payload: Sample.query("a")
                )
            )
            seen.insert(try Sample.summary(try #require(client.harness.device.takeWritten().first).bytes).destination)
            client.wait(.milliseconds(100))
        }
        #expect(seen.count == 2)
    }

    @Test("an unanswered SYN goes to another resolver when it is sent again", arguments: IPVersion.allCases)
    func connectionFailsOver(_ version: IPVersion) throws {
        let client = try Lookup(version)
        for port in UInt16(1_000)..<1_050 {
            let opening = try client.segment(port: port, flags: TCPFlags.syn)
            var target = opening
            if opening.destination == client.dead {
                client.wait(.seconds(1))
                target = try client.segment(port: port, flags: TCPFlags.syn)
            }
            #expect(target.destination == client.alive)
            client.answer(target, flags: TCPFlags.syn | TCPFlags.ack)
            #expect(
                try Sample.summary(try #require(try client.connection.received().first).bytes).source
                    == client.transparent
            )
            for flags in [TCPFlags.ack, TCPFlags.ack | TCPFlags.psh, TCPFlags.syn] {
                #expect(try client.segment(port: port, flags: flags).destination == client.alive)
            }
            // Nobody else can answer in its place.
            var other = target
            other.destination = client.dead
            client.answer(other, flags: TCPFlags.ack)
            #expect(try client.connection.received().isEmpty)
        }
    }

    @Test("one that refuses a connection is not the next one's resolver", arguments: IPVersion.allCases)
    func refusesConnections(_ version: IPVersion) throws {
        let client = try Lookup(version)
        var port: UInt16 = 1_000
        while case let opening = try client.segment(port: port, flags: TCPFlags.syn), opening.destination != client.dead
        {
            client.answer(opening, flags: TCPFlags.syn | TCPFlags.ack)
            port += 1
        }
        var refused = try Sample.summary(
            Sample.upstreamUDP(version, source: try client.harness.address(version), sourcePort: port)
        )
        refused.destination = client.dead
        client.answer(refused, flags: TCPFlags.rst | TCPFlags.ack)
        for port in UInt16(2_000)..<2_020 {
            #expect(try client.segment(port: port, flags: TCPFlags.syn).destination == client.alive)
        }
    }

    @Test("a connection keeps its resolver over a new tunnel", arguments: IPVersion.allCases)
    func resumed(_ version: IPVersion) throws {
        let client = try Lookup(version)
        var openings: [PacketSummary] = []
        for port in UInt16(1_000)..<1_020 {
            openings.append(try client.segment(port: port, flags: TCPFlags.syn))
            client.answer(openings[openings.count - 1], flags: TCPFlags.syn | TCPFlags.ack)
        }
        let second = try client.harness.connect(framing: .gso)
        client.harness.runAll()
        for opening in openings {
            second.send(
                PacketBuilder.tcp(
                    source: Sample.local(version),
                    destination: client.transparent,
                    sourcePort: opening.sourcePort,
                    destinationPort: 53
                )
            )
            let sent = try Sample.summary(try #require(client.harness.device.takeWritten().first).bytes)
            #expect(sent.destination == opening.destination)
        }
    }

    @Test(
        "an error about a query names the transparent address, and the resolver is avoided",
        arguments: IPVersion.allCases
    )
    func unreachable(_ version: IPVersion) throws {
        let client = try Lookup(version)
        let query = Sample.upstreamUDP(
            version,
            destination: client.transparent,
            destinationPort: 53,
            payload: Sample.query("example.org")
        )
        var written: [UInt8]
        repeat {
            client.connection.send(query)
            written = try #require(client.harness.device.takeWritten().first).bytes
        } while try Sample.summary(written).destination != client.dead
        _ = try client.connection.received()
        client.harness.device.inject(
            PacketBuilder.icmpError(
                source: client.dead,
                destination: try client.harness.address(version),
                type: version == .v4 ? 3 : 1,
                code: version == .v4 ? 3 : 4,
                quoting: written
            )
        )
        let received = try #require(try client.connection.received().first).bytes
        #expect(PacketBuilder.checksumsAreValid(received))
        #expect(try Sample.summary(received).source == client.transparent)
        let quote = Array(received[(version == .v4 ? 28 : 48)...])
        #expect(quote.prefix(version == .v4 ? 20 : 40) == query.prefix(version == .v4 ? 20 : 40))
        for _ in 0..<20 { #expect(try client.ask() == [client.alive]) }
    }

    @Test("no port rule is about the transparent addresses", arguments: IPVersion.allCases)
    func portRules(_ version: IPVersion) throws {
        var hooks = ClientHooks()
        hooks.allowsUDPPort = { _, _ in false }
        hooks.allowsTCPPort = { _, _ in false }
        let client = try Lookup(version, hooks: hooks)
        #expect(try client.ask().count == 1)
        _ = try client.segment(port: 7, flags: TCPFlags.syn)
        _ = try client.connection.received()
        #expect(try client.ask(at: client.alive).isEmpty)
    }

    @Test(
        "clients of the original reach the resolvers by its own addresses, and others do not",
        arguments: ChannelFraming.allCases
    )
    func originalAddresses(_ framing: ChannelFraming) throws {
        let client = try Lookup(.v6, framing: framing)
        let address = DNSResolvers.original.ipv6[0]
        let sent = try client.ask(at: address)
        guard framing == .psiphon else {
            #expect(sent.isEmpty)
            return
        }
        let resolver = try #require(sent.first)
        if resolver == client.dead {
            client.answer(
                try Sample.summary(
                    Sample.upstreamUDP(
                        .v6,
                        source: try client.harness.address(.v6),
                        destination: resolver,
                        destinationPort: 53
                    )
                )
            )
        }
        #expect(try Sample.summary(try #require(try client.connection.received().first).bytes).source == address)
    }
}
