import IPPacket
import OpenSSHSyntax
import Testing

@testable import TunnelConfiguration

@Suite struct LeakOptionTests {
    private static func options(_ routes: String, isEverything: Bool = false, allowsLeak6: Bool = false) -> UpOptions {
        var options = UpOptions()
        options.routes = routes.split(separator: " ").compactMap { IPPrefix($0) }
        options.routesEverything = isEverything
        options.allowsLeak6 = allowsLeak6
        return options
    }

    @Test(
        "a family that a full tunnel does not carry is refused",
        arguments: [
            (options("0.0.0.0/0 ::/0", isEverything: true), nil, ""),
            (options("0.0.0.0/0 ::/0", isEverything: true), [.v4], "::/0"),
            (options("0.0.0.0/0 ::/0", isEverything: true), [.v6], "0.0.0.0/0"),
            (options("0.0.0.0/0 ::/0", isEverything: true, allowsLeak6: true), [.v4], ""),
            // --address6 none, --address none
            (options("0.0.0.0/0", isEverything: true), nil, "::/0"),
            (options("0.0.0.0/0", isEverything: true, allowsLeak6: true), nil, ""),
            (options("::/0", isEverything: true), nil, "0.0.0.0/0"),
            // One family by its prefix: who asks for IPv6 alone keeps the IPv4 of before.
            (options("0.0.0.0/0"), [.v4, .v6], "::/0"), (options("::/0"), [.v4, .v6], ""),
            (options("::/0"), [.v4], "::/0"), (options("198.51.100.0/24"), [.v4], ""),
        ] as [(UpOptions, [IPVersion]?, String)]
    )
    func refuses(_ options: UpOptions, _ served: [IPVersion]?, _ expected: String) {
        #expect(options.refusedRoutes(served: served).map(\.description).joined(separator: " ") == expected)
    }

    @Test("DNS is set with a default route, or where a method is named")
    func setsDNS() {
        #expect(Self.options("0.0.0.0/0").setsDNS)
        #expect(Self.options("::/0").setsDNS)
        #expect(!Self.options("198.51.100.0/24").setsDNS)
        var options = Self.options("0.0.0.0/0")
        options.dnsSetup = .none
        #expect(!options.setsDNS)
        options = Self.options("")
        options.dnsSetup = .file
        #expect(options.setsDNS)
    }

    @Test("a kill switch needs a default route, and allows no leak")
    func contradictions() throws {
        var options = Self.options("198.51.100.0/24")
        options.connection.destination = try Destination(parsing: "vpn")
        options.hasKillSwitch = true
        #expect(options.contradiction?.contains("--route default") == true)
        options.routes = Self.options("0.0.0.0/0").routes
        #expect(options.contradiction == nil)
        options.allowsLeak6 = true
        #expect(options.contradiction?.contains("--allow-leak6") == true)
    }
}
