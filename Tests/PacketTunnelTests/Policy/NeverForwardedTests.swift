import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Addresses that are never forwarded to")
struct NeverForwardedTests {
    @Test("what no router forwards stays refused when no network is denied", arguments: IPVersion.allCases)
    func neverForwarded(_ version: IPVersion) throws {
        let texts =
            version == .v4
            ? ["127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.251", "255.255.255.255"]
            : [
                "::1", "::", "fe80::1", "ff02::fb", "2002:7f00:1::", "2002:a9fe:a9fe::1",
                "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::224.0.0.1",
            ]
        let harness = try ServerHarness { $0.policy.deniedNetworks = [] }
        let connection = try harness.connect()
        harness.runAll()
        for text in texts {
            let address = try #require(IPAddress(text))
            // A mapped address cannot be put into an IPv6 packet by the builder.
            guard address.isIPv4 == (version == .v4) else { continue }
            connection.send(Sample.upstreamUDP(version, destination: address))
            #expect(harness.device.takeWritten().isEmpty, "\(text)")
        }
        #expect(harness.counters().refused(.upstream, .invalidDestinationAddress) >= 5)
        connection.send(Sample.upstreamUDP(version, destinationPort: 0))
        #expect(harness.counters().refused(.upstream, .disallowedUDPDestinationPort) == 1)
        let private4 = try #require(IPAddress(version == .v4 ? "192.168.1.1" : "64:ff9b::192.168.1.1"))
        connection.send(Sample.upstreamUDP(version, destination: private4))
        #expect(harness.device.takeWritten().count == 1)
    }
}
