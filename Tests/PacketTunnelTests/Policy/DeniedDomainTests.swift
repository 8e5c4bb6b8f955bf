import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("A denied name over TCP, through the server")
struct DeniedDomainTests {
    /// One TCP connection of a client to the transparent resolver of a server with a domain rule.
    private struct Lookup {
        let harness: ServerHarness
        let connection: Connection
        let version: IPVersion
        let client: IPAddress
        let transparent: IPAddress
        /// What the server sent on of the SYN.
        let opening: PacketSummary

        init(_ version: IPVersion, framing: ChannelFraming = .gso, answersSYN: Bool = true) throws {
            harness = try ServerHarness()
            var hooks = ClientHooks()
            hooks.allowsDomain = { $0 != "secret.example" }
            connection = try harness.connect(framing: framing, hooks: hooks)
            harness.runAll()
            self.version = version
            client = Sample.local(version)
            let addresses = harness.server.addressPool.transparentDNSAddresses
            transparent = version == .v4 ? addresses.ipv4 : addresses.ipv6
            connection.send(
                PacketBuilder.tcp(
                    source: client,
                    destination: transparent,
                    destinationPort: 53,
                    sequence: 999,
                    flags: TCPFlags.syn
                )
            )
            opening = try Sample.summary(try #require(harness.device.takeWritten().first).bytes)
            guard answersSYN else { return }
            answer(flags: TCPFlags.syn | TCPFlags.ack, acknowledgement: 1_000)
            #expect(try connection.received().count == 1)
        }

        func segment(
            _ payload: [UInt8],
            at offset: Int = 0,
            flags: UInt8 = TCPFlags.ack,
            options: [UInt8] = []
        ) -> [UInt8] {
            PacketBuilder.tcp(
                source: client,
                destination: transparent,
                destinationPort: 53,
                sequence: 1_000 + UInt32(offset),
                acknowledgement: 5_001,
                flags: flags,
                options: options,
                payload: payload
            )
        }

        func answer(flags: UInt8 = TCPFlags.ack, acknowledgement: UInt32, payload: [UInt8] = []) {
            harness.device.inject(
                PacketBuilder.tcp(
                    source: opening.destination,
                    destination: opening.source,
                    sourcePort: 53,
                    destinationPort: opening.sourcePort,
                    sequence: 5_000,
                    acknowledgement: acknowledgement,
                    flags: flags,
                    payload: payload
                )
            )
        }

        func written() -> [[UInt8]] { harness.device.takeWritten().map(\.bytes) }
    }

    private static func framed(_ name: String) -> [UInt8] {
        let message = Sample.query(name)
        return [0, UInt8(message.count)] + message
    }

    private func expectRefusal(
        _ lookup: Lookup,
        of name: String,
        acknowledging end: UInt32
    ) throws {
        let packet = try #require(try lookup.connection.received().first).bytes
        let summary = try Sample.summary(packet)
        #expect(PacketBuilder.checksumsAreValid(packet))
        #expect(summary.source == lookup.transparent)
        #expect(summary.destination == lookup.client)
        #expect(summary.sourcePort == 53)
        #expect(summary.destinationPort == lookup.opening.sourcePort)
        #expect(summary.tcpFlags == TCPFlags.ack | TCPFlags.psh | TCPFlags.fin)
        #expect(word(packet, at: summary.ipHeaderLength + 4) == 5_001)
        #expect(word(packet, at: summary.ipHeaderLength + 8) == end)
        let payload = Array(packet[summary.headerLength...])
        #expect(Int(payload[0]) << 8 + Int(payload[1]) == payload.count - 2)
        let message = Array(payload[2...])
        let reply = try DNSQuestion(parsing: message.span.bytes)
        #expect(reply.name == name && reply.identifier == 0x1234 && reply.isResponse && reply.responseCode == 5)
    }

    private func expectReset(of lookup: Lookup, sequence: UInt32) throws {
        let written = lookup.written()
        try #require(written.count == 1)
        let summary = try Sample.summary(written[0])
        #expect(PacketBuilder.checksumsAreValid(written[0]))
        #expect(summary.tcpFlags == TCPFlags.rst && summary.payloadLength == 0)
        #expect(summary.source == lookup.opening.source && summary.destination == lookup.opening.destination)
        #expect(summary.sourcePort == lookup.opening.sourcePort && summary.destinationPort == 53)
        #expect(word(written[0], at: summary.ipHeaderLength + 4) == sequence)
    }

    @Test(
        "is answered REFUSED with the end of the stream, and the resolver is sent a reset, nothing of the question",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func refused(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let lookup = try Lookup(version, framing: framing)
        let query = Self.framed("secret.example")
        lookup.connection.send(lookup.segment(query))
        try expectRefusal(lookup, of: "secret.example", acknowledging: 1_000 + UInt32(query.count))
        try expectReset(of: lookup, sequence: 1_000)
        #expect(lookup.harness.counters().refused(.upstream, .disallowedDomain) == 1)
    }

    @Test("is refused when its last byte comes, and the resolver has at most the others", arguments: IPVersion.allCases)
    func cut(_ version: IPVersion) throws {
        let query = Self.framed("secret.example")
        for cut in 1..<query.count {
            let lookup = try Lookup(version)
            lookup.connection.send(lookup.segment(Array(query[..<cut])))
            #expect(lookup.written().count == 1)
            #expect(try lookup.connection.received().isEmpty)
            lookup.connection.send(lookup.segment(Array(query[cut...]), at: cut))
            try expectRefusal(lookup, of: "secret.example", acknowledging: 1_000 + UInt32(query.count))
            try expectReset(of: lookup, sequence: 1_000 + UInt32(cut))
        }
    }

    @Test("a name that is allowed passes unchanged, and so does its answer", arguments: IPVersion.allCases)
    func allowed(_ version: IPVersion) throws {
        let lookup = try Lookup(version)
        let query = Self.framed("open.example")
        lookup.connection.send(lookup.segment(query))
        let written = try #require(lookup.written().first)
        #expect(Array(written.suffix(query.count)) == query)
        lookup.answer(acknowledgement: 1_000 + UInt32(query.count), payload: [1, 2, 3])
        let received = try #require(try lookup.connection.received().first)
        #expect(received.bytes.suffix(3) == [1, 2, 3])
    }

    @Test("a super-packet of many queries is judged whole", arguments: IPVersion.allCases)
    func superPacket(_ version: IPVersion) throws {
        let many = (0..<40).flatMap { Self.framed("name\($0).example") }
        let offload = PacketOffload(segmentSize: 300, checksumIsPartial: false)
        let good = try Lookup(version)
        good.connection.send(good.segment(many), offload: offload)
        #expect(good.written().map { $0.suffix(many.count) } == [many[...]])
        let bad = try Lookup(version)
        let last = many + Self.framed("secret.example")
        bad.connection.send(bad.segment(last), offload: offload)
        try expectRefusal(bad, of: "secret.example", acknowledging: 1_000 + UInt32(last.count))
        try expectReset(of: bad, sequence: 1_000)
    }

    @Test("segments that are joined on their way to the device are judged one by one", arguments: IPVersion.allCases)
    func coalesced(_ version: IPVersion) throws {
        let lookup = try Lookup(version, framing: .psiphon)
        let queries = (0..<30).map { Self.framed("name-with-a-number-\($0 + 10).example") }
        let first = queries[..<10].flatMap { $0 }
        let second = queries[10..<20].flatMap { $0 }
        let third = Self.framed("secret.example") + queries[20...].flatMap { $0 }
        lookup.connection.sendTogether([
            lookup.segment(first), lookup.segment(second, at: first.count),
            lookup.segment(third, at: first.count + second.count),
        ])
        let written = lookup.written()
        try #require(written.count == 2)
        #expect(Array(written[0].suffix(first.count + second.count)) == first + second)
        #expect(try Sample.summary(written[1]).tcpFlags == TCPFlags.rst)
    }

    @Test("afterwards the client may close, and nothing else passes in either direction", arguments: IPVersion.allCases)
    func afterwards(_ version: IPVersion) throws {
        let lookup = try Lookup(version)
        let query = Self.framed("secret.example")
        lookup.connection.send(lookup.segment(query))
        _ = try (lookup.connection.received(), lookup.written())
        lookup.answer(acknowledgement: 1_000, payload: [1])
        lookup.connection.send(lookup.segment([], at: query.count))
        #expect(try lookup.connection.received().isEmpty)
        lookup.connection.send(lookup.segment([], at: query.count, flags: TCPFlags.fin | TCPFlags.ack))
        let close = try #require(try lookup.connection.received().first).bytes
        let summary = try Sample.summary(close)
        #expect(summary.tcpFlags == TCPFlags.ack)
        #expect(word(close, at: summary.ipHeaderLength + 8) == 1_001 + UInt32(query.count))
        lookup.connection.send(lookup.segment(Self.framed("open.example"), at: query.count))
        let reset = try #require(try lookup.connection.received().first).bytes
        #expect(try Sample.summary(reset).tcpFlags == TCPFlags.rst | TCPFlags.ack)
        #expect(lookup.written().isEmpty)
    }

    @Test("a connection whose beginning the server did not see is reset at both ends", arguments: IPVersion.allCases)
    func unknownBeginning(_ version: IPVersion) throws {
        let lookup = try Lookup(version, answersSYN: false)
        lookup.connection.send(lookup.segment(Self.framed("open.example")))
        let reset = try #require(try lookup.connection.received().first).bytes
        #expect(try Sample.summary(reset).tcpFlags == TCPFlags.rst | TCPFlags.ack)
        try expectReset(of: lookup, sequence: 1_000)
        #expect(lookup.harness.counters().refused(.upstream, .invalidDNSMessage) == 1)
    }

    @Test("the answer carries the timestamps of a connection that uses them", arguments: IPVersion.allCases)
    func timestamps(_ version: IPVersion) throws {
        let lookup = try Lookup(version)
        let options: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9]
        lookup.connection.send(lookup.segment(Self.framed("secret.example"), options: options))
        let packet = try #require(try lookup.connection.received().first).bytes
        let summary = try Sample.summary(packet)
        let echoed = packet[(summary.ipHeaderLength + 20)..<summary.headerLength]
        #expect(Array(echoed) == [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7])
        #expect(PacketBuilder.checksumsAreValid(packet))
    }

    @Test("connections to other ports, and clients without a rule, are not looked at", arguments: IPVersion.allCases)
    func notLookedAt(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        hooks.allowsDomain = { _ in false }
        let checked = try harness.connect(Sample.alice, hooks: hooks)
        let free = try harness.connect(Sample.bob)
        harness.runAll()
        for (connection, port) in [(checked, UInt16(5_353)), (free, 53)] {
            connection.send(
                PacketBuilder.tcp(
                    source: Sample.local(version),
                    destination: Sample.remote(version),
                    destinationPort: port,
                    payload: Self.framed("secret.example")
                )
            )
            #expect(harness.device.takeWritten().count == 1)
        }
    }
}
