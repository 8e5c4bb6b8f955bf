import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("ICMP on request")
struct ICMPTests {
    private static let router = [IPVersion.v4: "9.9.9.1", .v6: "2620:fe::1"].compactMapValues { IPAddress($0) }

    private func harness(_ permitted: TrafficPolicy.ICMP) throws -> (ServerHarness, Connection) {
        let harness = try ServerHarness { $0.policy.permittedICMP = permitted }
        let connection = try harness.connect()
        harness.runAll()
        return (harness, connection)
    }

    private func unreachable(_ version: IPVersion, from: IPAddress, to: IPAddress, quoting: [UInt8]) -> [UInt8] {
        PacketBuilder.icmpError(
            source: from,
            destination: to,
            type: version == .v4 ? 3 : 1,
            code: version == .v4 ? 3 : 4,
            quoting: quoting
        )
    }

    @Test("an echo request leaves with the assigned address, and the reply comes back", arguments: IPVersion.allCases)
    func echo(_ version: IPVersion) throws {
        let (harness, connection) = try harness(.echo)
        let (local, remote) = (Sample.local(version), Sample.remote(version))
        connection.send(PacketBuilder.icmpEcho(source: local, destination: remote, identifier: 77))
        let assigned = try harness.address(version)
        let request = PacketBuilder.icmpEcho(source: assigned, destination: remote, identifier: 77)
        #expect(harness.device.takeWritten() == [MemoryPacket(request)])
        let reply = PacketBuilder.icmpEcho(source: remote, destination: assigned, identifier: 77, isReply: true)
        harness.device.inject(reply)
        let expected = PacketBuilder.icmpEcho(source: remote, destination: local, identifier: 77, isReply: true)
        #expect(try connection.received() == [MemoryPacket(expected)])
        let client = try #require(harness.server.sessions.client(of: Sample.alice))
        let flowCount = client.flows.count
        #expect(flowCount == 1)
    }

    @Test("an echo request to where a key may not go is refused", arguments: IPVersion.allCases)
    func refusedEcho(_ version: IPVersion) throws {
        let harness = try ServerHarness { $0.policy.permittedICMP = .echo }
        let denied = Sample.remote(version)
        var hooks = ClientHooks()
        hooks.allowsEcho = { $0 != denied }
        let connection = try harness.connect(hooks: hooks)
        harness.runAll()
        connection.send(PacketBuilder.icmpEcho(source: Sample.local(version), destination: denied, identifier: 77))
        #expect(harness.device.takeWritten().isEmpty)
        let router = try #require(Self.router[version])
        connection.send(PacketBuilder.icmpEcho(source: Sample.local(version), destination: router, identifier: 77))
        #expect(harness.device.takeWritten().count == 1)
    }

    @Test("nobody pings a client, and a client answers no pings", arguments: IPVersion.allCases)
    func noRequestsDownstream(_ version: IPVersion) throws {
        let (harness, connection) = try harness([.echo, .errors])
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let (local, remote) = (Sample.local(version), Sample.remote(version))
        harness.device.inject(PacketBuilder.icmpEcho(source: remote, destination: try harness.address(version)))
        connection.send(PacketBuilder.icmpEcho(source: local, destination: remote, isReply: true))
        #expect(try connection.received().isEmpty)
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.downstream, .invalidIPHeaderProtocol) == 1)
        #expect(harness.counters().refused(.upstream, .invalidIPHeaderProtocol) == 1)
    }

    @Test(
        "an error about a client's packet reaches it, the quoted packet as the client knows it",
        arguments: IPVersion.allCases
    )
    func errorDownstream(_ version: IPVersion) throws {
        let (harness, connection) = try harness(.errors)
        let router = try #require(Self.router[version])
        let packet = Sample.upstreamUDP(version)
        connection.send(packet)
        let written = try #require(harness.device.takeWritten().first).bytes
        harness.device.inject(unreachable(version, from: router, to: try harness.address(version), quoting: written))
        let received = try #require(try connection.received().first).bytes
        #expect(PacketBuilder.checksumsAreValid(received))
        let quote = Array(received[(version == .v4 ? 28 : 48)...])
        // The quoted transport checksum is the one of the packet that was complained about.
        #expect(quote.prefix(version == .v4 ? 20 : 40) == packet.prefix(version == .v4 ? 20 : 40))
        #expect(try Sample.summary(received).destination == Sample.local(version))
        #expect(try Sample.summary(received).source == router)
    }

    @Test("an error from a client goes to the sender of what it quotes", arguments: IPVersion.allCases)
    func errorUpstream(_ version: IPVersion) throws {
        let (harness, connection) = try harness(.errors)
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let down = Sample.downstreamUDP(to: try harness.address(version))
        harness.device.inject(down)
        let received = try #require(try connection.received().first).bytes
        connection.send(
            unreachable(version, from: Sample.local(version), to: Sample.remote(version), quoting: received)
        )
        let written = try #require(harness.device.takeWritten().first).bytes
        #expect(PacketBuilder.checksumsAreValid(written))
        let quote = Array(written[(version == .v4 ? 28 : 48)...])
        #expect(quote.prefix(version == .v4 ? 20 : 40) == down.prefix(version == .v4 ? 20 : 40))
        #expect(try Sample.summary(written).source == harness.address(version))
    }

    @Test("an error that goes elsewhere than its quote came from is refused", arguments: IPVersion.allCases)
    func errorElsewhere(_ version: IPVersion) throws {
        let (harness, connection) = try harness([.errors, .echo])
        _ = try harness.connect(Sample.bob)
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        harness.device.inject(Sample.downstreamUDP(to: try harness.address(version)))
        let received = try #require(try connection.received().first).bytes
        let bob = try harness.address(version, of: Sample.bob)
        let neighbour = try #require(IPAddress(version == .v4 ? "192.168.0.1" : "fd99::1"))
        let router = try #require(Self.router[version])
        for target in [bob, neighbour, router] {
            connection.send(unreachable(version, from: Sample.local(version), to: target, quoting: received))
        }
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test("an error whose quote is somebody else's packet is refused", arguments: IPVersion.allCases)
    func foreignQuote(_ version: IPVersion) throws {
        let (harness, connection) = try harness([.errors, .echo])
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let (address, router) = (try harness.address(version), try #require(Self.router[version]))
        let quotes = [
            Sample.upstreamUDP(version, source: IPAddress(bits: address.bits ^ 1)),
            Sample.upstreamUDP(version, source: address, sourcePort: 41_000),
            Sample.upstreamUDP(version, source: address, destination: router),
        ]
        for quote in quotes { harness.device.inject(unreachable(version, from: router, to: address, quoting: quote)) }
        #expect(try connection.received().isEmpty)
        #expect(harness.counters().refused(.downstream, .invalidIPHeaderProtocol) == 3)
    }

    @Test("messages of other types never pass", arguments: IPVersion.allCases)
    func otherTypes(_ version: IPVersion) throws {
        let (harness, connection) = try harness([.errors, .echo])
        connection.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let types: [UInt8] = version == .v4 ? [4, 5, 9, 10, 13, 15, 17] : [130, 133, 134, 135, 136, 137, 143]
        for type in types {
            connection.send(
                PacketBuilder.icmp(
                    source: Sample.local(version),
                    destination: Sample.remote(version),
                    message: [type, 0, 0, 0, 0, 0, 0, 0]
                )
            )
            harness.device.inject(
                PacketBuilder.icmp(
                    source: Sample.remote(version),
                    destination: try harness.address(version),
                    message: [type, 0, 0, 0, 0, 0, 0, 0]
                )
            )
        }
        #expect(harness.device.takeWritten().isEmpty)
        #expect(try connection.received().isEmpty)
    }

    @Test("pings are limited to a burst, and then to a rate", arguments: IPVersion.allCases)
    func rate(_ version: IPVersion) throws {
        let (harness, connection) = try harness(.echo)
        let ping = PacketBuilder.icmpEcho(source: Sample.local(version), destination: Sample.remote(version))
        for _ in 0..<100 { connection.send(ping) }
        #expect(harness.device.takeWritten().count == 50)
        #expect(harness.counters().refused(.upstream, .rateLimit) == 50)
        harness.loop.advance(by: .milliseconds(500))
        for _ in 0..<100 { connection.send(ping) }
        #expect(harness.device.takeWritten().count == 10)
    }
}
