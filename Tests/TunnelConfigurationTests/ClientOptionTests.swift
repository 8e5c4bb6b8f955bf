import IPPacket
import OpenSSHSyntax
import Testing

@testable import TunnelConfiguration

@Suite struct ClientOptionTests {
    @Test("interface addresses keep their host bits", arguments: ["10.20.30.40/24", "2001:db8::1/64", "10.0.0.1/32"])
    func interfaceAddresses(text: String) throws {
        #expect(try ClientAddress(parsing: text).description == text)
    }

    @Test(
        "what is no interface address is refused",
        arguments: ["", "10.0.0.1/33", "10.0.0/24", "x", "10.0.0.1/", "::1/129"]
    )
    func badClientAddresses(text: String) {
        #expect(throws: ValueProblem.self) { try ClientAddress(parsing: text) }
    }

    @Test("session names are 32 digits or words, and nothing that a log or a terminal could not show")
    func sessionNames() throws {
        #expect(
            try SessionName(parsing: "00112233445566778899AABBCCDDEEFF").description
                == "00112233445566778899aabbccddeeff"
        )
        for word in ["a", "Laptop", "the büro", String(repeating: "x", count: 255)] {
            #expect(try SessionName(parsing: word).description == word)
        }
        for text in ["", "two\nlines", "\u{1b}[2J", "\u{202e}x", "\u{2028}", String(repeating: "x", count: 256)] {
            #expect(throws: ValueProblem.self) { try SessionName(parsing: text) }
        }
    }

    @Test("the first option with a name counts")
    func firstOption() throws {
        var connection = ConnectionOptions()
        connection.options = [try .init(parsing: "User=a"), try .init(parsing: "user=b")]
        #expect(connection.option("USER") == "a")
        #expect(connection.option("Port") == nil)
    }

    @Test("options that exclude each other are told", arguments: ContradictionCase.all)
    func contradictions(example: ContradictionCase) throws {
        var options = UpOptions()
        options.connection.destination = try Destination(parsing: "vpn")
        #expect(options.contradiction == nil)
        try example.change(&options)
        #expect(options.contradiction != nil)
    }

    @Test("everything is routed in the families that the tunnel has")
    func routes() throws {
        let everything = try UpOptions.Route(parsing: "default")
        #expect(everything.prefixes(ipv4: true, ipv6: true).map(\.description) == ["0.0.0.0/0", "::/0"])
        #expect(everything.prefixes(ipv4: false, ipv6: true).map(\.description) == ["::/0"])
        #expect(
            try UpOptions.Route(parsing: "192.0.2.7").prefixes(ipv4: true, ipv6: true).map(\.description) == [
                "192.0.2.7/32"
            ]
        )
        #expect(throws: ValueProblem.self) { try UpOptions.Route(parsing: "192.0.2.7/24") }
    }

    @Test("an option letter may stick to its value, as in ssh")
    func joinedOptions() {
        #expect(
            SSHStyleArguments.separated(["-oUser=x", "-o", "A=b", "host"]) == ["-o", "User=x", "-o", "A=b", "host"]
        )
        #expect(SSHStyleArguments.separated(["--", "-oUser=x"]) == ["--", "-oUser=x"])
    }
}

/// A change to options that makes them impossible.
struct ContradictionCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var change: @Sendable (inout UpOptions) throws -> Void

    static let all = [
        ContradictionCase(testDescription: "no host") { $0.connection.destination = nil },
        ContradictionCase(testDescription: "a host beside --via") { $0.connection.via = "ssh vpn" },
        ContradictionCase(testDescription: "-p beside --via") {
            $0.connection.destination = nil
            $0.connection.via = "ssh vpn"
            $0.connection.port = 22
        },
        ContradictionCase(testDescription: "IPv6 as --address") { $0.address = UpOptions.defaultAddress6 },
        ContradictionCase(testDescription: "IPv4 as --address6") { $0.address6 = UpOptions.defaultAddress },
        ContradictionCase(testDescription: "no family") {
            $0.address = nil
            $0.address6 = nil
        },
        ContradictionCase(testDescription: "an IPv6 route without IPv6") {
            $0.address6 = nil
            $0.routes = [IPPrefix(IPAddress(bits: 0), length: 0)]
        },
        ContradictionCase(testDescription: "--device beside --tun-fd") {
            $0.tunFileDescriptor = 3
            $0.device = "x"
        },
        ContradictionCase(testDescription: "--route beside --tun-fd") {
            $0.tunFileDescriptor = 3
            $0.routes = [IPPrefix(IPAddress(ipv4: 0), length: 0)]
        },
    ]
}
