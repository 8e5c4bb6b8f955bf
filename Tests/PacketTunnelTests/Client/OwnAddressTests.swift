import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Own addresses of a client")
struct OwnAddressTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("given addresses alone may send and are delivered to", arguments: IPVersion.allCases)
    func given(_ version: IPVersion) throws {
        var own = OwnAddresses([try address("10.111.0.2"), try address("fd11::2")])
        let (mine, other) =
            try version == .v4
            ? (address("10.111.0.2"), address("192.0.2.2")) : (address("fd11::2"), address("2001:db8::2"))
        #expect(own.accepts(destination: mine, version) && !own.accepts(destination: other, version))
        own.learn(source: mine, version)
        own.learn(source: other, version)
        #expect(own.accepts(destination: mine, version) && !own.accepts(destination: other, version))
        own.connected()
        own.learn(source: other, version)
        #expect(own.accepts(destination: other, version))
    }

    @Test("without any, the first that was sent from counts, in each connection anew", arguments: IPVersion.allCases)
    func learnt(_ version: IPVersion) throws {
        let (first, second) =
            try version == .v4
            ? (address("10.0.0.5"), address("10.0.0.6")) : (address("fd11::5"), address("fd11::6"))
        var own = OwnAddresses([])
        #expect(own.accepts(destination: second, version))
        own.learn(source: first, version)
        own.learn(source: second, version)
        #expect(own.accepts(destination: first, version) && !own.accepts(destination: second, version))
        own.connected()
        #expect(own.accepts(destination: first, version))
        own.learn(source: second, version)
        #expect(own.accepts(destination: second, version) && !own.accepts(destination: first, version))
    }
}
