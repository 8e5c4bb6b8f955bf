import Foundation
import IPPacket
import OpenSSHSyntax
import Testing

@testable import TunnelConfiguration

@Suite struct ValidationTests {
    @Test("the defaults are possible")
    func defaults() throws {
        #expect(try DaemonConfiguration().validated() == DaemonConfiguration())
    }

    @Test(
        "settings that contradict each other are named with their line",
        arguments: [
            (
                "AddressPool 10.0.0.0/8\nDNSResolver 10.9.9.9",
                "/etc/pt/main.conf:2:1: DNSResolver: 10.9.9.9 lies in AddressPool 10.0.0.0/8; choose another AddressPool"
            ),
            (
                "AddressPool6 fd00::/64\nDNSResolver fd00::53",
                "/etc/pt/main.conf:2:1: DNSResolver: fd00::53 lies in AddressPool6 fd00::/64; choose another AddressPool6"
            ),
            (
                "ListenAddress 10.0.0.1\nAddressPool 10.0.0.0/8",
                "/etc/pt/main.conf:1:1: ListenAddress: 10.0.0.1 lies in AddressPool 10.0.0.0/8; choose another AddressPool"
            ),
            (
                "AddressPool 10.0.0.0/8\nPermitNetworks 10.1.0.0/16",
                "/etc/pt/main.conf:2:1: PermitNetworks: 10.1.0.0/16 shares addresses with AddressPool 10.0.0.0/8, which is never "
                    + "permitted; choose another AddressPool"
            ),
            (
                "DNSResolver fe80::1",
                "/etc/pt/main.conf:1:1: DNSResolver: fe80::1 is link-local and cannot be reached from "
                    + "the tunnel; name a resolver in the network"
            ),
            (
                "DNSResolver 127.0.0.53",
                "/etc/pt/main.conf:1:1: DNSResolver: 127.0.0.53 lies in the loopback range 127.0.0.0/8 and cannot be reached from the "
                    + "tunnel; name a resolver in the network"
            ),
            (
                "DNSResolver ::1",
                "/etc/pt/main.conf:1:1: DNSResolver: ::1 lies in the unspecified and loopback addresses of IPv6 and cannot be reached "
                    + "from the tunnel; name a resolver in the network"
            ),
            (
                "AddressPool 127.0.0.0/8",
                "/etc/pt/main.conf:1:1: AddressPool: 127.0.0.0/8 overlaps the loopback range 127.0.0.0/8, which cannot be given to "
                    + "clients; use a private range"
            ),
            (
                "AddressPool6 ff00::/16",
                "/etc/pt/main.conf:1:1: AddressPool6: ff00::/16 overlaps the multicast range ff00::/8, which cannot be given to "
                    + "clients; use a private range"
            ),
            (
                "ListenAddress 192.0.2.1\nListenAddress 192.0.2.1:2222",
                "/etc/pt/main.conf:1:1: ListenAddress: 192.0.2.1:2222 is listed twice"
            ),
            ("EgressInterface vpn\nTunDevice vpn", "/etc/pt/main.conf:2:1: TunDevice: vpn is the EgressInterface, too"),
            (
                "StateDirectory /\(String(repeating: "x", count: 100))",
                "/etc/pt/main.conf: ControlSocket: /\(String(repeating: "x", count: 100))/control.sock is longer than 107 bytes, the "
                    + "most a socket's path may have"
            ),
        ]
    )
    func contradictions(text: String, problem: String) {
        #expect(Outcome(text).problems == [problem])
    }

    @Test("algorithms that this version of the library lacks are left out, with a notice where a line names them")
    func olderLibrary() throws {
        let older = AlgorithmSupport(library: "libssh 0.10.6") { $0.known.contains($1) && !$1.hasPrefix("mlkem") }
        var interpreter = DirectiveInterpreter(algorithms: older)
        interpreter.apply(try directive("KexAlgorithms", "mlkem768x25519-sha256,curve25519-sha256"))
        let loaded = try interpreter.finish(file: "f")
        #expect(loaded.configuration.keyExchanges == ["curve25519-sha256"])
        #expect(
            loaded.notices.map(\.description) == [
                "f:1:1: KexAlgorithms: mlkem768x25519-sha256 left out: libssh 0.10.6 does not have it"
            ]
        )
        let defaults = try DirectiveInterpreter(algorithms: older).finish(file: "f")
        #expect(defaults.configuration.keyExchanges.first == "sntrup761x25519-sha512")
        #expect(defaults.notices == [])
        var nothing = DirectiveInterpreter(algorithms: older)
        nothing.apply(try directive("KexAlgorithms", "mlkem768x25519-sha256"))
        #expect(throws: ConfigurationProblems.self) { try nothing.finish(file: "f") }
    }

    @Test("an algorithm that only a newer library has can be chosen there")
    func newerLibrary() throws {
        let newer = AlgorithmSupport(library: "libssh 9") { $0.known.contains($1) || $1 == "mlkem9" }
        var interpreter = DirectiveInterpreter(algorithms: newer)
        interpreter.apply(try directive("KexAlgorithms", "^mlkem9"))
        #expect(try interpreter.finish(file: "f").configuration.keyExchanges.first == "mlkem9")
        #expect(Outcome("KexAlgorithms mlkem9").problems.count == 1)
    }

    private func directive(_ keyword: String, _ value: String) throws -> Directive {
        Directive(
            file: "f",
            line: 1,
            keyword: Word(text: keyword, column: 1),
            arguments: [Word(text: value, column: keyword.count + 2)]
        )
    }

    @Test("a value made in code is held to the rules of the text")
    func ranges() throws {
        var configuration = DaemonConfiguration()
        configuration.mtu = 100
        configuration.addressPool = IPPrefix(IPAddress(ipv4: 0x0a00_0000), length: 30)
        configuration.addressPool6 = IPPrefix(IPAddress(bits: 0xfd << 120), length: 120)
        configuration.maxStartups = MaxStartups(begin: 10, rate: 30, full: 1)
        configuration.ciphers = []
        configuration.hostKeyFiles = []
        configuration.ports = []
        let problems = #expect(throws: ConfigurationProblems.self) { try configuration.validated() }?.problems ?? []
        #expect(
            problems.map { $0.keyword ?? "" } == [
                "MaxStartups", "Ciphers", "AddressPool", "AddressPool6", "MTU", "Port", "HostKey",
            ]
        )
    }

    @Test("addresses are joined with ports, and without addresses both families are listened on")
    func endpoints() throws {
        var configuration = DaemonConfiguration()
        #expect(configuration.endpoints.map { "\($0.address) \($0.port)" } == ["0.0.0.0 2222", ":: 2222"])
        configuration.ports = [22, 443]
        configuration.listenAddresses = [try .init(parsing: "192.0.2.1"), try .init(parsing: "[2001:db8::1]:80")]
        #expect(
            configuration.endpoints.map { "\($0.address) \($0.port)" }
                == ["192.0.2.1 22", "192.0.2.1 443", "2001:db8::1 80"]
        )
    }

    @Test("a relative control socket lies in the state directory")
    func controlSocket() {
        var configuration = DaemonConfiguration()
        #expect(configuration.controlSocketPath == "/run/packet-tunnel/control.sock")
        configuration.controlSocket = "/tmp/x"
        #expect(configuration.controlSocketPath == "/tmp/x")
        configuration.controlSocket = nil
        #expect(configuration.controlSocketPath == nil)
    }

    @Test("the host's resolvers are taken without those that cannot be reached from a tunnel, which are named")
    func systemResolvers() {
        let text = """
            # a comment
            nameserver 127.0.0.53
            nameserver 192.0.2.53 # first
            search example
            nameserver\t2001:db8::53
            nameserver fe80::1%eth0
            nameserver 192.0.2.53
            nameserver 169.254.169.253
            nameserver
            """
        let found = SystemResolvers(parsing: text, file: "resolv.conf")
        #expect(found.addresses.map(\.description) == ["192.0.2.53", "2001:db8::53", "169.254.169.253"])
        #expect(found.unusable.map(\.text) == ["127.0.0.53", "fe80::1%eth0"])
        #expect(found.problem == nil)
    }

    @Test("a list of a thousand resolvers is cut, as one of a million bytes is refused")
    func manyResolvers() {
        let text = (0..<1_000).map { "nameserver 192.0.\($0 / 250).\($0 % 250 + 1)\n" }.joined()
        #expect(SystemResolvers(parsing: text, file: "").addresses.count == 16)
    }

    @Test("behind a local stub, the list of the program behind it counts; without any, the reason is said")
    func resolversBehindStub() throws {
        let directory = NSTemporaryDirectory() + "/resolvers-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let files = ["etc", "resolved", "manager"].map { "\(directory)/\($0)" }
        let nothing = "no resolver for clients: \(files[0]) names none; set DNSResolver"
        #expect(SystemResolvers.read(files).problem == nothing)
        try "nameserver 127.0.0.53\n".write(toFile: files[0], atomically: false, encoding: .utf8)
        #expect(SystemResolvers.read(files).problem?.contains("127.0.0.53 lies in the loopback range") == true)
        try "nameserver 192.0.2.2\n".write(toFile: files[2], atomically: false, encoding: .utf8)
        #expect(SystemResolvers.read(files).addresses.map(\.description) == ["192.0.2.2"])
        try "nameserver 192.0.2.1\n".write(toFile: files[1], atomically: false, encoding: .utf8)
        #expect(SystemResolvers.read(files).addresses.map(\.description) == ["192.0.2.1"])
        #expect(SystemResolvers.read(files).file == files[1])
        try "nameserver 192.0.2.9\n".write(toFile: files[0], atomically: false, encoding: .utf8)
        #expect(SystemResolvers.read(files).addresses.map(\.description) == ["192.0.2.9"])
    }
}
