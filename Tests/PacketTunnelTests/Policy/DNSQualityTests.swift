import IPPacket
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import PacketTunnel

@Suite("The quality of resolvers")
struct DNSQualityTests {
    private struct Report: Equatable {
        var received: Bool
        var milliseconds: UInt64
        var resolver: IPAddress

        init(_ received: Bool, _ milliseconds: UInt64, _ resolver: IPAddress) {
            (self.received, self.milliseconds, self.resolver) = (received, milliseconds, resolver)
        }
    }

    /// A client whose queries are measured.
    private struct Measured {
        let harness: ServerHarness
        let connection: Connection
        let version: IPVersion
        private let kept = Kept()

        final class Kept: @unchecked Sendable {
            var reports: [Report] = []
        }

        var reports: [Report] { kept.reports }
        var resolver: IPAddress { Sample.resolvers(version)[0] }
        var transparent: IPAddress {
            let addresses = harness.server.addressPool.transparentDNSAddresses
            return version == .v4 ? addresses.ipv4 : addresses.ipv6
        }

        init(_ version: IPVersion) throws {
            self.version = version
            harness = try ServerHarness {
                $0.dnsResolvers = {
                    DNSResolvers(ipv4: [Sample.resolvers.ipv4[0]], ipv6: [Sample.resolvers.ipv6[0]])
                }
            }
            var hooks = ClientHooks()
            hooks.reportDNSQuality = { [kept] in kept.reports.append(Report($0, $1 / 1_000_000, $2)) }
            connection = try harness.connect(hooks: hooks)
            harness.runAll()
        }

        func ask(_ identifier: UInt16, port: UInt16 = 40_000) {
            connection.send(
                Sample.upstreamUDP(
                    version,
                    destination: transparent,
                    sourcePort: port,
                    destinationPort: 53,
                    payload: Sample.query("open.example", identifier: identifier)
                )
            )
        }

        func answer(_ identifier: UInt16, port: UInt16 = 40_000) throws {
            var message = Sample.query("open.example", identifier: identifier)
            message[2] |= 0x80
            harness.device.inject(
                Sample.downstreamUDP(
                    to: try harness.address(version),
                    source: resolver,
                    sourcePort: 53,
                    destinationPort: port,
                    payload: message
                )
            )
        }

        func wait(_ milliseconds: Int) { harness.loop.advance(by: .milliseconds(milliseconds)) }
    }

    @Test("every answer is reported once, with its own time and the resolver behind", arguments: IPVersion.allCases)
    func answered(_ version: IPVersion) throws {
        let client = try Measured(version)
        // As a stub resolver asks for both families from one port.
        client.ask(1)
        client.wait(10)
        client.ask(2)
        client.wait(20)
        try client.answer(2)
        client.wait(5)
        try client.answer(1)
        try client.answer(1)
        try client.answer(3)
        #expect(client.reports == [Report(true, 20, client.resolver), Report(true, 35, client.resolver)])
        client.connection.transport.finish()
        #expect(client.reports.count == 2)
    }

    @Test("a query that is sent again counts from the first time", arguments: IPVersion.allCases)
    func again(_ version: IPVersion) throws {
        let client = try Measured(version)
        client.ask(1)
        client.wait(1_000)
        client.ask(1)
        client.wait(10)
        try client.answer(1)
        #expect(client.reports == [Report(true, 1_010, client.resolver)])
    }

    @Test("a query without an answer is reported when the client ends", arguments: IPVersion.allCases)
    func unanswered(_ version: IPVersion) throws {
        let client = try Measured(version)
        client.ask(1)
        client.ask(2)
        client.wait(70)
        client.connection.transport.finish()
        #expect(client.reports == [Report(false, 70, client.resolver), Report(false, 70, client.resolver)])
    }

    @Test("or when its flow has been idle and the next one begins, or the status is asked for")
    func expired() async throws {
        let client = try Measured(.v4)
        client.ask(1, port: 1)
        client.wait(61_000)
        #expect(client.reports.isEmpty)
        client.ask(2, port: 2)
        #expect(client.reports == [Report(false, 61_000, client.resolver)])
        client.wait(61_000)
        _ = await ManualLoop.drive(client.harness.loops) { [server = client.harness.server] in await server.status() }
        #expect(client.reports.count == 2)
    }

    @Test("the fifth open query of a flow takes the place of the oldest, which counts as unanswered")
    func evicted() throws {
        let client = try Measured(.v6)
        for identifier in 1...5 {
            client.ask(UInt16(identifier))
            client.wait(10)
        }
        #expect(client.reports == [Report(false, 40, client.resolver)])
        for identifier in 1...5 { try client.answer(UInt16(identifier)) }
        #expect(client.reports.count { $0.received } == 4)
    }

    @Test("over TCP an exchange is measured from the first byte that asks to the first that answers")
    func tcp() throws {
        let client = try Measured(.v4)
        let assigned = try client.harness.address(.v4)
        func send(_ payload: [UInt8], flags: UInt8 = TCPFlags.ack) {
            client.connection.send(
                PacketBuilder.tcp(
                    source: Sample.local(.v4),
                    destination: client.transparent,
                    sourcePort: 7,
                    destinationPort: 53,
                    flags: flags,
                    payload: payload
                )
            )
            client.wait(10)
        }
        func receive(_ payload: [UInt8]) {
            client.harness.device.inject(
                PacketBuilder.tcp(
                    source: client.resolver,
                    destination: assigned,
                    sourcePort: 53,
                    destinationPort: 7,
                    payload: payload
                )
            )
        }
        send([], flags: TCPFlags.syn)
        receive([])
        for _ in 0..<2 {
            send([0, 30])
            send([1, 2, 3])
            receive([])
            receive([0, 40, 1])
            receive([2, 3])
        }
        #expect(client.reports == [Report(true, 20, client.resolver), Report(true, 20, client.resolver)])
    }

    @Test("other ports are not measured, and refused queries neither")
    func others() throws {
        let client = try Measured(.v4)
        client.connection.send(Sample.upstreamUDP(.v4, payload: Sample.query("open.example")))
        client.connection.send(Sample.upstreamUDP(.v4, destinationPort: 53, payload: [1, 2]))
        client.connection.transport.finish()
        #expect(client.reports.isEmpty)
    }
}
