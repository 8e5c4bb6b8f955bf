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
        let (admitsMine, admitsOther) = (own.admits(source: mine, version), own.admits(source: other, version))
        #expect(admitsMine && own.accepts(destination: mine, version))
        #expect(!admitsOther && !own.accepts(destination: other, version))
    }

    @Test("without any, the first that was sent from counts, in each connection anew", arguments: IPVersion.allCases)
    func learnt(_ version: IPVersion) throws {
        let (first, second) =
            try version == .v4
            ? (address("10.0.0.5"), address("10.0.0.6")) : (address("fd11::5"), address("fd11::6"))
        var own = OwnAddresses([])
        #expect(own.accepts(destination: second, version))
        let (admitsFirst, admitsSecond) = (own.admits(source: first, version), own.admits(source: second, version))
        #expect(admitsFirst && admitsSecond)
        #expect(own.accepts(destination: first, version) && !own.accepts(destination: second, version))
        own.connected()
        #expect(own.accepts(destination: first, version))
        let admitsAnew = own.admits(source: second, version)
        #expect(admitsAnew)
        #expect(own.accepts(destination: second, version) && !own.accepts(destination: first, version))
    }
}
