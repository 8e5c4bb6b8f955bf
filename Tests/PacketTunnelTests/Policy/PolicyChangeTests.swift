import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Policy changes")
struct PolicyChangeTests {
    @Test(
        "another policy holds for new flows and for those that are known, in both directions",
        arguments: IPVersion.allCases
    )
    func replaced(_ version: IPVersion) throws {
        let open = TrafficPolicy(deniedNetworks: [])
        let harness = try ServerHarness { $0.policy = open }
        let client = try harness.connect()
        harness.runAll()
        client.send(Sample.upstreamUDP(version))
        #expect(harness.device.takeWritten().count == 1)
        let remote = Sample.remote(version)
        harness.server.setPolicy(TrafficPolicy(deniedNetworks: [IPPrefix(remote, length: version == .v4 ? 24 : 64)]))
        harness.runAll()
        harness.device.inject(Sample.downstreamUDP(to: try harness.address(version)))
        #expect(try client.received().isEmpty)
        client.send(Sample.upstreamUDP(version))
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidDestinationAddress) == 1)
        #expect(harness.counters().refused(.downstream, .invalidSourceAddress) == 1)
        harness.server.setPolicy(open)
        harness.runAll()
        client.send(Sample.upstreamUDP(version))
        #expect(harness.device.takeWritten().count == 1)
    }

    @Test(
        "what another policy says of refusals and ICMP holds from the next packet on",
        arguments: IPVersion.allCases
    )
    func otherRules(_ version: IPVersion) throws {
        let harness = try ServerHarness { $0.policy = TrafficPolicy(deniedNetworks: []) }
        let client = try harness.connect()
        harness.runAll()
        let echo = PacketBuilder.icmpEcho(source: Sample.local(version), destination: Sample.remote(version))
        client.send(echo)
        #expect(harness.device.takeWritten().isEmpty)
        #expect(try client.received().isEmpty)
        var policy = TrafficPolicy(deniedNetworks: [], permittedICMP: .echo)
        harness.server.setPolicy(policy)
        harness.runAll()
        client.send(echo)
        #expect(harness.device.takeWritten().count == 1)
        policy = TrafficPolicy(deniedNetworks: [])
        policy.refusals = .reject
        harness.server.setPolicy(policy)
        harness.runAll()
        client.send(echo)
        #expect(harness.device.takeWritten().isEmpty)
        #expect(try client.received().count == 1)
    }

    @Test("transparent DNS goes on whatever is denied", arguments: IPVersion.allCases)
    func transparentDNS(_ version: IPVersion) throws {
        let harness = try ServerHarness {
            $0.policy = TrafficPolicy(deniedNetworks: [])
            $0.dnsResolvers = { Sample.resolvers }
        }
        let client = try harness.connect()
        harness.runAll()
        let query = Sample.upstreamUDP(
            version,
            destination: harness.server.addressPool.address(2, version),
            destinationPort: 53,
            payload: Sample.query("www.example.com")
        )
        client.send(query)
        let networks = Sample.resolvers(version).map { IPPrefix($0, length: version == .v4 ? 24 : 64) }
        harness.server.setPolicy(TrafficPolicy(deniedNetworks: networks))
        harness.runAll()
        client.send(query)
        #expect(harness.device.takeWritten().count == 2)
        for resolver in Sample.resolvers(version) { client.send(Sample.upstreamUDP(version, destination: resolver)) }
        #expect(harness.device.takeWritten().isEmpty)
    }

    @Test("permitted networks open denied ones, but not what is always denied", arguments: IPVersion.allCases)
    func permitted(_ version: IPVersion) {
        let address = Sample.remote(version)
        let (all, one) = (IPPrefix(address, length: 8), IPPrefix(address, length: version == .v4 ? 32 : 128))
        var policy = TrafficPolicy(deniedNetworks: [all])
        #expect(!policy.permits(destination: address, version: version))
        policy.permittedNetworks = [one]
        #expect(policy.permits(destination: address, version: version))
        #expect(!policy.permits(destination: IPAddress(bits: address.bits + 1), version: version))
        policy.alwaysDeniedNetworks = [one]
        #expect(!policy.permits(destination: address, version: version))
    }
}
