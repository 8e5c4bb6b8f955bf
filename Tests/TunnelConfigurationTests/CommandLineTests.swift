import Testing

@testable import TunnelConfiguration

@Suite struct CommandLineTests {
    @Test("a right configuration is checked in silence")
    func checks() throws {
        let directory = try TemporaryDirectory()
        let result = try daemon(["-t", "-f", try directory.file("good.conf", "MTU 1400\n")])
        #expect(result.status == 0)
        #expect(result.output + result.errors == "")
    }

    @Test("a wrong configuration ends with 78 and all its problems", arguments: [["-t"], ["-T"], []])
    func refuses(flags: [String]) throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("bad.conf", "MTU 1\n\nPrt 22\n")
        let result = try daemon(flags + ["-f", file])
        #expect(result.status == ExitStatus.configuration.rawValue)
        #expect(
            result.errors == """
                packet-tunneld: \(file):1:5: MTU: "1" is not a number from 1280 to 65535
                packet-tunneld: \(file):3:1: Prt: unknown keyword; did you mean Port?

                """
        )
        #expect(result.output == "")
    }

    @Test("a missing file is a wrong configuration")
    func missingFile() throws {
        let result = try daemon(["-t", "-f", "/nonexistent"])
        #expect(result.status == ExitStatus.configuration.rawValue)
        #expect(result.errors.hasPrefix("packet-tunneld: /nonexistent: cannot be opened: "))
    }

    @Test("the settings in force are printed so that they can be read back, options first")
    func printsSettings() throws {
        let result = try daemon(["-T", "-f", "/dev/null", "-oMTU=1400", "-o", "Port 443"])
        #expect(result.status == 0)
        var expected = DaemonConfiguration()
        expected.mtu = 1400
        expected.ports = [443]
        var printed = try #require(Outcome(result.output).configuration)
        // Of the defaults, what the library has is in force.
        #expect(expected.keyExchanges.filter(printed.keyExchanges.contains) == printed.keyExchanges)
        #expect(printed.keyExchanges.contains("curve25519-sha256"))
        printed.keyExchanges = expected.keyExchanges
        #expect(printed == expected)
    }

    @Test("a line without effect is pointed out, and the check still passes")
    func notices() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("twice.conf", "MTU 1400\nMTU 1300\n")
        let result = try daemon(["-t", "-f", file])
        #expect(result.status == 0)
        #expect(result.errors == "packet-tunneld: \(file):2:1: MTU: has no effect; \(file):1 set it first\n")
    }

    @Test("the example is printed")
    func example() throws {
        #expect(try daemon(["--example"]).output == DaemonConfiguration.example)
    }

    @Test(
        "both programs tell their version and the library's, which is linked in",
        arguments: ["packet-tunneld", "packet-tunnel"]
    )
    func version(program: String) throws {
        let result = try Command([try Package.product(program), "--version"])
        #expect(result.status == 0)
        #expect(
            try #/(.+) (.+), libssh 0\.1[0-9]\.[0-9]+\n/#.wholeMatch(in: result.output).map { [$0.1, $0.2] }
                == [Substring(program), Substring(ProgramVersion.text)]
        )
    }

    @Test(
        "help fits a terminal",
        arguments: [["packet-tunneld"], ["packet-tunnel"], ["packet-tunnel", "up"], ["packet-tunnel", "info"]]
    )
    func help(arguments: [String]) throws {
        let result = try Command([try Package.product(arguments[0])] + arguments.dropFirst() + ["--help"])
        #expect(result.status == 0)
        #expect(result.output.contains("USAGE"))
        #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }

    @Test(
        "a command line that makes no sense ends with 64 and a reason",
        arguments: [
            ("", "no command is given"), ("frobnicate", "frobnicate"), ("up", "no host is given"),
            ("info host other", "other"),
            ("up -oProxyCommand", "OPTION=VALUE"), ("up host -p 0", "ports are 1 to 65535"),
            ("up host -p ssh", "ports are 1 to 65535"),
            ("up host --address 10.0.0.1/33", "10.0.0.1/33"), ("up host --address ::1/128", "IPv4"),
            ("up host --address6 10.0.0.1", "IPv6"), ("up host --route 10.0.0.1/8", "did you mean 10.0.0.0/8?"),
            ("up host --dns resolver", "not an IP address"), ("up host --mtu 100", "1280"),
            ("up host --device a/b", "a/b"),
            ("up host --channel-type gsso", "did you mean gso?"), ("up host --tun-fd x", "descriptor"),
            ("up host --tun-fd 3 --route default", "--tun-fd"), ("up host --via ssh", "--via"),
            ("up host --address6 none --route ::/0", "family"),
            ("up host -o StrictHostKeyCheking=no", "StrictHostKeyChecking"),
            ("up a/b@-host", "host"), ("info", "no host is given"), ("info host --route default", "--route"),
        ]
    )
    func usage(line: String, reason: String) throws {
        let result = try Command([try Package.product("packet-tunnel")] + line.split(separator: " ").map(String.init))
        #expect(result.status == ExitStatus.usage.rawValue)
        #expect(result.errors.contains(reason))
        #expect(result.output == "")
    }

    @Test("an unknown option of the daemon ends with 64", arguments: ["-x", "extra", "--frobnicate"])
    func daemonUsage(argument: String) throws {
        #expect(try daemon([argument]).status == ExitStatus.usage.rawValue)
    }

    private func daemon(_ arguments: [String]) throws -> Command {
        try Command([try Package.product("packet-tunneld")] + arguments)
    }
}
