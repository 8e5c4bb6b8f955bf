import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct QuotedFlowTests {
    @Test("reads the flow that an error is about, from a cut quote too", arguments: Ends.both)
    func reads(_ ends: Ends) throws {
        let packets = [
            PacketBuilder.tcp(
                source: ends.destination,
                destination: ends.source,
                sourcePort: 50_000,
                destinationPort: 443,
                payload: [1, 2, 3]
            ),
            PacketBuilder.udp(
                source: ends.destination,
                destination: ends.source,
                sourcePort: 50_000,
                destinationPort: 443,
                payload: [1, 2, 3]
            ),
        ]
        for packet in packets {
            let ipHeader = ends.version == .v4 ? 20 : 40
            for length in [ipHeader + 8, packet.count] {
                let (flow, _) = try quoted(ends, Array(packet[..<length]))
                let found = try #require(flow)
                #expect(found.transport == (try validated(packet).transport))
                #expect(found.source == ends.destination && found.destination == ends.source)
                #expect(found.sourcePort == 50_000 && found.destinationPort == 443)
                #expect(found.ipOffset == ipHeader + 8 && found.transportOffset == 2 * ipHeader + 8)
            }
        }
    }

    @Test("takes the identifier of a quoted echo for its source port", arguments: Ends.both)
    func readsEcho(_ ends: Ends) throws {
        let echo = PacketBuilder.icmpEcho(source: ends.destination, destination: ends.source, identifier: 0xbeef)
        let flow = try #require(try quoted(ends, echo).flow)
        #expect(flow.sourcePort == 0xbeef && flow.destinationPort == 0)
    }

    @Test("reads past the options of a quoted IPv4 header")
    func skipsOptions() throws {
        let quote = annotated(
            """
            46 00 00 28 00 00 40 00 40 11 00 00 | header of six words, UDP
            c6 33 64 14 c0 00 02 0a 94 04 00 00 | addresses, router alert
            c3 50 01 bb 00 10 00 00             | 50000 to 443
            """
        )
        let flow = try #require(try quoted(.v4, quote).flow)
        #expect(flow.sourcePort == 50_000 && flow.transportOffset == 52)
    }

    @Test("reads nothing from a quote that is too short", arguments: Ends.both)
    func refusesShort(_ ends: Ends) throws {
        let packet = PacketBuilder.udp(source: ends.destination, destination: ends.source)
        for length in 0..<((ends.version == .v4 ? 20 : 40) + 8) {
            #expect(try quoted(ends, Array(packet[..<length])).flow == nil)
        }
    }

    @Test("reads nothing from quotes that no flow of ours can be behind", arguments: Ends.both)
    func refusesOthers(_ ends: Ends) throws {
        let other = ends.version == .v4 ? Ends.v6 : Ends.v4
        let strangers = [
            PacketBuilder.udp(
                source: other.destination,
                destination: other.source,
                payload: [UInt8](repeating: 1, count: 40)
            ),
            PacketBuilder.ip(
                source: ends.destination,
                destination: ends.source,
                protocol: 132,
                payload: [UInt8](repeating: 1, count: 40)
            ),
            PacketBuilder.ip(
                source: ends.destination,
                destination: ends.source,
                protocol: ends.version == .v4 ? 58 : 1,
                payload: [UInt8](repeating: 8, count: 40)
            ),
            PacketBuilder.icmpError(
                source: ends.destination,
                destination: ends.source,
                type: ends.version == .v4 ? 3 : 1,
                code: 0,
                quoting: []
            ),
        ]
        for stranger in strangers { #expect(try quoted(ends, stranger).flow == nil) }
    }

    @Test("reads nothing from a quoted later fragment")
    func refusesFragments() throws {
        var packet = PacketBuilder.udp(source: Ends.v4.destination, destination: Ends.v4.source)
        packet[7] = 1
        #expect(try quoted(.v4, packet).flow == nil)
    }

    @Test("reads nothing from messages that are no errors", arguments: Ends.both)
    func onlyErrors(_ ends: Ends) throws {
        let inner = PacketBuilder.udp(source: ends.destination, destination: ends.source)
        let echo = PacketBuilder.icmpEcho(source: ends.source, destination: ends.destination, payload: inner)
        let summary = try validated(echo)
        let flow = QuotedFlow(in: echo.span.bytes, summary: summary)
        #expect(flow == nil)
    }

    private func quoted(_ ends: Ends, _ quote: [UInt8]) throws -> (flow: QuotedFlow?, error: [UInt8]) {
        let error = PacketBuilder.icmpError(
            source: ends.source,
            destination: ends.destination,
            type: ends.version == .v4 ? 11 : 3,
            code: 0,
            quoting: quote
        )
        let summary = try validated(error)
        return (QuotedFlow(in: error.span.bytes, summary: summary), error)
    }
}
