import IPPacket
import Testing

@testable import LinuxNetwork

@Suite("Resolver text")
struct ResolverTextTests {
    private let settings: ResolverSettings

    init() throws {
        settings = ResolverSettings(
            [try #require(IPAddress("10.9.9.9")), try #require(IPAddress("fd11::53"))],
            searchDomains: ["tunnel.example", "corp.example"]
        )
    }

    @Test("names our resolvers and search domains, and keeps options but the trust in another's DNSSEC")
    func replaces() {
        let old = "nameserver 192.0.2.1\nsearch home.example\noptions edns0 trust-ad\toptions\n  options ndots:2\n"
        let lines = ResolverText.make(settings, interface: "ptun0", replacing: old).split(separator: "\n")
        #expect(lines[0].hasPrefix("# Written by packet-tunnel for the tunnel ptun0."))
        #expect(
            lines.dropFirst() == [
                "nameserver 10.9.9.9", "nameserver fd11::53", "search tunnel.example corp.example",
                "options edns0 options ndots:2",
            ]
        )
    }

    @Test("names three resolvers at most, which is all that glibc reads")
    func limits() throws {
        let many = try (1...5).map { try #require(IPAddress("10.9.9.\($0)")) }
        #expect(ResolverText.record(ResolverSettings(many)).count == 3)
    }

    @Test(
        "a text asks ours alone",
        arguments: [
            ("nameserver 10.9.9.9", true), ("nameserver\t10.9.9.9\n#nameserver 1.1.1.1\n", true), ("", false),
            ("search example", false), ("nameserver 10.9.9.9\nnameserver 192.0.2.1", false),
        ]
    )
    func asks(_ text: String, _ isOurs: Bool) {
        #expect(ResolverText.names(only: ["10.9.9.9", "fd11::53"], in: text) == isOurs)
    }

    @Test("systemd-resolved is told the same by resolvectl and on the bus")
    func tellsResolved() {
        #expect(
            ResolvedService.control(settings, interface: "ptun0").map { $0.joined(separator: " ") } == [
                "resolvectl dns ptun0 10.9.9.9 fd11::53", "resolvectl domain ptun0 ~. tunnel.example corp.example",
                "resolvectl default-route ptun0 yes", "resolvectl dnsovertls ptun0 no",
            ]
        )
        let calls = ResolvedService.calls(settings, index: 7).map { $0.joined(separator: " ") }
        #expect(calls[0].contains("ia(iay) 7 2 2 4 10 9 9 9 10 16 253 17 0 0 0 0 0 0 0 0 0 0 0 0 0 83"))
        #expect(calls[1].contains("ia(sb) 7 3 . true tunnel.example false corp.example false"))
        #expect(calls[2].contains("ib 7 true"))
    }
}
