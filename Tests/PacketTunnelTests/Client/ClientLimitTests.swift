import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Limits and answers of one client")
struct ClientLimitTests {
    @Test(
        "a name that may not be looked up is answered with REFUSED, from where it was asked",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func refusedName(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        hooks.allowsDomain = { $0 != "forbidden.example" }
        let connection = try harness.connect(framing: framing, hooks: hooks)
        harness.runAll()
        let addresses = harness.server.addressPool.transparentDNSAddresses
        let target = version == .v4 ? addresses.ipv4 : addresses.ipv6
        let query = Sample.query("forbidden.example")
        connection.send(
            Sample.upstreamUDP(version, destination: target, destinationPort: 53, payload: query + [0, 0, 41, 16, 0])
        )
        var answer = query
        (answer[2], answer[3]) = (0x81, 5)
        let received = try #require(try connection.received().first).bytes
        #expect(PacketBuilder.checksumsAreValid(received))
        let summary = try Sample.summary(received)
        #expect((summary.source, summary.destination) == (target, Sample.local(version)))
        #expect((summary.sourcePort, summary.destinationPort) == (53, 40_000))
        #expect(Array(received[summary.headerLength...]) == answer)
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test("a client's rate holds in each direction by itself", arguments: IPVersion.allCases)
    func rate(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        hooks.rateLimitInBytesPerSecond = 2_000_000
        let connection = try harness.connect(hooks: hooks)
        harness.runAll()
        let up = Sample.upstreamUDP(version, payload: patternBytes(1_000))
        let down = Sample.downstreamUDP(to: try harness.address(version), payload: patternBytes(1_000))
        for _ in 0..<300 { connection.send(up) }
        let burst = 200_000 / up.count
        #expect(harness.device.takeWritten().count == burst)
        #expect(harness.counters().refused(.upstream, .rateLimit) == Int64(300 - burst))
        harness.device.inject(MemoryPacket(down), count: 300)
        #expect(try connection.received().count == burst)
        var carried = 0
        for _ in 0..<100 {
            harness.loop.advance(by: .milliseconds(10))
            for _ in 0..<30 { connection.send(up) }
            carried += harness.device.takeWritten().count * up.count
        }
        #expect((1_980_000...2_020_000).contains(carried))
    }

    @Test("clients with one allowance begin no more flows than it has, and packets of flows that are known pass")
    func flowAllowance() throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        hooks.flowAllowance = FlowAllowance(burst: 30, flowsPerSecond: 10)
        let (version, names) = (IPVersion.v4, ["a", "b"])
        let connections = try names.map {
            try harness.connect(SessionIdentity(user: "u", keyFingerprint: "k", name: $0), hooks: hooks)
        }
        harness.runAll()
        func send(_ ports: Range<Int>) -> Int {
            for port in ports {
                for connection in connections { connection.send(Sample.upstreamUDP(version, sourcePort: UInt16(port))) }
            }
            return harness.device.takeWritten().count
        }
        #expect(send(1_000..<1_100) == 30)
        #expect(send(1_000..<1_015) == 30)
        #expect(send(2_000..<2_100) == 0)
        harness.loop.advance(by: .seconds(1))
        #expect(send(3_000..<3_100) == 10)
        #expect(send(1_000..<1_015) == 30)
    }

    @Test("a key has no more sessions in use than it may, and may resume the ones it has")
    func maximumSessions() throws {
        let harness = try ServerHarness()
        var hooks = ClientHooks()
        hooks.maximumSessions = 2
        func identity(_ name: String, key: String = "k") -> SessionIdentity {
            SessionIdentity(user: "u", keyFingerprint: key, name: name)
        }
        let first = try harness.connect(identity("1"), hooks: hooks)
        _ = try harness.connect(identity("2"), hooks: hooks)
        harness.runAll()
        #expect(throws: SessionError.tooManySessions) { try harness.connect(identity("3"), hooks: hooks) }
        #expect(harness.refusal(of: identity("3"), maximumSessions: 2) == .tooManySessions)
        #expect(harness.refusal(of: identity("3"), maximumSessions: 3) == nil)
        #expect(harness.refusal(of: identity("2"), maximumSessions: 2) == nil)
        _ = try harness.connect(identity("3", key: "l"), hooks: hooks)
        _ = try harness.connect(identity("2"), hooks: hooks)
        harness.runAll()
        first.transport.finish()
        _ = try harness.connect(identity("3"), hooks: hooks)
        harness.runAll()
        #expect(throws: SessionError.tooManySessions) { try harness.connect(identity("1"), hooks: hooks) }
        #expect(harness.server.sessionCount == (3, 3), "the lease that the first one had left made room")
    }

    @Test("a session that is never left is reported every half hour")
    func periodicMetrics() throws {
        let harness = try ServerHarness(loops: 2)
        let reported = Reported()
        var hooks = ClientHooks()
        hooks.updateMetrics = { reported.add($0) }
        let connection = try harness.connect(loop: 1, hooks: hooks)
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        harness.loop.advance(by: .seconds(30 * 60))
        harness.runAll()
        #expect(harness.log.lines("server_packet_metrics").first?["udp_ipv4_packets_up"] == "1")
        connection.send(Sample.upstreamUDP(.v4))
        harness.loop.advance(by: .seconds(30 * 60))
        harness.runAll()
        #expect(reported.all.map(\.udpUpstream) == [4, 4])
    }
}
