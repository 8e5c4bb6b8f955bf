import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Isolation")
struct IsolationTests {
    @Test(
        "no client reaches another by its assigned address, whatever the policy permits",
        arguments: IPVersion.allCases,
        [TrafficPolicy.defaultDeniedNetworks, []]
    )
    func clientToClient(_ version: IPVersion, _ denied: [IPPrefix]) throws {
        let harness = try ServerHarness { $0.policy = TrafficPolicy(deniedNetworks: denied) }
        let alice = try harness.connect()
        _ = try harness.connect(Sample.bob)
        harness.runAll()
        let pool = harness.server.addressPool
        let own = version == .v4 ? pool.serverAddresses.ipv4 : pool.serverAddresses.ipv6
        for target in [try harness.address(version, of: Sample.bob), own, pool.address(9, version)] {
            alice.send(Sample.upstreamUDP(version, destination: target))
        }
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidDestinationAddress) == 3)
    }

    @Test("a spoofed source gets nowhere, be it another client's or anybody's", arguments: IPVersion.allCases)
    func spoofed(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let alice = try harness.connect()
        _ = try harness.connect(Sample.bob)
        harness.runAll()
        alice.send(Sample.upstreamUDP(version))
        _ = harness.device.takeWritten()
        let sources = [
            try harness.address(version, of: Sample.bob), try harness.address(version), Sample.remote(version),
        ]
        for source in sources { alice.send(Sample.upstreamUDP(version, source: source)) }
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidSourceAddress) == 3)
    }

    @Test(
        "whatever source a client begins with, its packets leave with its assigned address",
        arguments: IPVersion.allCases
    )
    func beginsSpoofed(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let alice = try harness.connect()
        _ = try harness.connect(Sample.bob)
        harness.runAll()
        alice.send(Sample.upstreamUDP(version, source: try harness.address(version, of: Sample.bob)))
        let written = try #require(harness.device.takeWritten().first)
        #expect(try Sample.summary(written.bytes).source == harness.address(version))
    }

    @Test("a destination with the right last bytes and another prefix belongs to nobody", arguments: IPVersion.allCases)
    func wrongPrefix(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let alice = try harness.connect()
        harness.runAll()
        alice.send(Sample.upstreamUDP(version))
        let address = try harness.address(version)
        let bits = version == .v4 ? [24, 31] : [24, 33, 63, 64, 127]
        for bit in bits {
            harness.device.inject(Sample.downstreamUDP(to: IPAddress(bits: address.bits ^ 1 << UInt128(bit))))
        }
        #expect(try alice.received().isEmpty)
        #expect(harness.refusedDownstream(.noSession) == Int64(bits.count))
    }

    @Test(
        "each of two clients with the same local address gets the answers to its own packets",
        arguments: IPVersion.allCases
    )
    func sameLocalAddress(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let clients = [try harness.connect(), try harness.connect(Sample.bob)]
        harness.runAll()
        for (number, client) in clients.enumerated() {
            client.send(Sample.upstreamUDP(version, payload: [UInt8(number)]))
            let written = try #require(harness.device.takeWritten().first)
            let answer = Sample.downstreamUDP(to: try Sample.summary(written.bytes).source, payload: [UInt8(number)])
            harness.device.inject(answer)
        }
        for (number, client) in clients.enumerated() {
            let received = try client.received()
            #expect(received.count == 1)
            #expect(received.first?.bytes.last == UInt8(number))
        }
    }

    @Test("nobody in a denied network reaches a client that has not asked", arguments: IPVersion.allCases)
    func unsolicited(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let alice = try harness.connect()
        _ = try harness.connect(Sample.bob)
        harness.runAll()
        alice.send(Sample.upstreamUDP(version))
        let address = try harness.address(version)
        let own = harness.server.addressPool.serverAddresses
        let neighbour = try #require(IPAddress(version == .v4 ? "192.168.0.1" : "fd99::1"))
        let sources = [version == .v4 ? own.ipv4 : own.ipv6, try harness.address(version, of: Sample.bob), neighbour]
        for source in sources { harness.device.inject(Sample.downstreamUDP(to: address, source: source)) }
        #expect(try alice.received().isEmpty)
        #expect(harness.counters().refused(.downstream, .invalidSourceAddress) == 3)
    }
}
