import IPPacket
import Testing

@testable import LinuxNetwork

@Suite("Kill switch")
struct KillSwitchTests {
    @Test(
        "lets a query for a server's name pass, whatever resolver it goes to",
        arguments: [
            ("VPN.example.", "@th,160,104 0x0376706e076578616d706c6500"),
            // In parts of 16 bytes: nft's registers.
            ("abcdefgh.example", "@th,160,128 0x086162636465666768076578616d706c @th,288,16 0x6500"),
            // Completed by search domains.
            ("vpn", "@th,160,32 0x0376706e"),
        ]
    )
    func queries(_ name: String, _ expression: String) {
        #expect(KillSwitch.Rules.query(for: name) == "meta l4proto udp udp dport 53 \(expression) accept")
    }

    @Test("needs no query for an address", arguments: ["192.0.2.1", "2001:db8::1", "", "."])
    func addresses(_ text: String) {
        #expect(KillSwitch.Rules.query(for: text) == nil)
    }

    @Test("lets the servers pass by address and port, and other networks only where it is told to")
    func passes() throws {
        let rules = KillSwitch.Rules(
            interface: "ptun0",
            servers: [
                ServerEndpoint(try #require(IPAddress("192.0.2.1")), port: 22),
                ServerEndpoint(try #require(IPAddress("2001:db8::1")), port: 2222),
            ],
            names: [],
            networks: [try #require(IPPrefix("198.51.100.0/24"))]
        )
        let text = rules.text
        #expect(text.contains("set servers4 { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 22 }; }"))
        #expect(text.contains("set servers6 { type ipv6_addr . inet_service; elements = { 2001:db8::1 . 2222 }; }"))
        #expect(text.contains("oifname { \"lo\", \"ptun0\" } accept"))
        #expect(text.split(separator: "\n").filter { $0.contains("ip daddr 198.51.100.0/24 accept") }.count == 2)
        #expect(text.ranges(of: "policy drop").count == 2)
    }
}
