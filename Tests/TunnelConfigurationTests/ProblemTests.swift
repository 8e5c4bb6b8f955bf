import Foundation
import Glibc
import Testing

@testable import TunnelConfiguration

@Suite struct ProblemTests {
    @Test("all problems of a file are listed, in the order of its lines")
    func listsAll() {
        let outcome = Outcome(
            """
            Prot 22
            MTU 900
            # fine
            AddressPool 10.0.0.0/25
            HostKey "open
            LogLevel WARN
            Port 1 2
            """
        )
        #expect(
            outcome.problems == [
                "/etc/pt/main.conf:1:1: Prot: unknown keyword; did you mean Port?",
                "/etc/pt/main.conf:2:5: MTU: \"900\" is not a number from 1280 to 65535",
                "/etc/pt/main.conf:4:13: AddressPool: the prefix length of 10.0.0.0/25 is not within /8 to /24",
                "/etc/pt/main.conf:5:9: a quotation mark is never closed",
                "/etc/pt/main.conf:6:10: LogLevel: \"WARN\" is not one of QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG, DEBUG1, "
                    + "DEBUG2, DEBUG3",
                "/etc/pt/main.conf:7:8: Port: takes one value, and the line has 2",
            ]
        )
    }

    @Test(
        "an unknown keyword is answered with the nearest known one",
        arguments: [
            ("AdressPool", "AddressPool"), ("adresspool6", "AddressPool6"), ("LisenAddress", "ListenAddress"),
            ("MUT", "MTU"),
            ("DNSResolvers", "DNSResolver"), ("SessionExpire", "SessionExpiry"), ("PermitTcpPort", "PermitTCPPorts"),
            ("Inlcude", "Include"), ("DenyNetwork", "DenyNetworks"),
        ]
    )
    func nearest(typed: String, meant: String) {
        #expect(
            Outcome("\(typed) x").problems == [
                "/etc/pt/main.conf:1:1: \(typed): unknown keyword; did you mean \(meant)?"
            ]
        )
    }

    @Test(
        "a word that is near no keyword gets no guess",
        arguments: ["Frobnicate", "x", "Quux", String(repeating: "a", count: 5000)]
    )
    func noGuess(typed: String) {
        #expect(Outcome("\(typed) x").problems == ["/etc/pt/main.conf:1:1: \(typed): unknown keyword"])
    }

    @Test(
        "a keyword that only sshd has is answered with what to do",
        arguments: ["PasswordAuthentication", "permittunnel", "Match", "UsePAM"]
    )
    func foreign(keyword: String) throws {
        let problem = try #require(Outcome("\(keyword) yes").problems.first)
        #expect(
            problem.hasPrefix(
                "/etc/pt/main.conf:1:1: \(keyword): is a keyword of sshd that packet-tunneld does not have; "
            )
        )
    }

    @Test("the first line with a keyword counts, and the others are pointed out")
    func firstWins() {
        let outcome = Outcome("MTU 1400\nPort 22\nmtu 1300")
        #expect(outcome.configuration?.mtu == 1400)
        #expect(outcome.notices == ["/etc/pt/main.conf:3:1: MTU: has no effect; /etc/pt/main.conf:1 set it first"])
    }

    @Test("a later line with a keyword must make sense, too")
    func laterLinesAreChecked() {
        #expect(
            Outcome("MTU 1400\nMTU x").problems == [
                "/etc/pt/main.conf:2:5: MTU: \"x\" is not a number from 1280 to 65535"
            ]
        )
    }

    @Test("keywords that may repeat add up, and the first one replaces the default")
    func repeating() {
        let configuration = Outcome("Port 22\nPort 443\nAllowUsers a b\nAllowUsers c").configuration
        #expect(configuration?.ports == [22, 443])
        #expect(configuration?.allowedUsers.map(\.description) == ["a", "b", "c"])
    }

    @Test("options of the command line go before the file")
    func options() {
        let outcome = Outcome("MTU 1400\nPort 22", options: ["MTU=1300", "Port 443"])
        #expect(outcome.configuration?.mtu == 1300)
        #expect(outcome.configuration?.ports == [443, 22])
        #expect(Outcome("", options: ["MTUU=1"]).problems == ["command line: MTUU: unknown keyword; did you mean MTU?"])
    }

    @Test("a file that cannot be read is a problem of its own")
    func unreadable() {
        #expect(throws: ConfigurationProblems.self) { try DaemonConfiguration.load("/nonexistent/packet-tunneld.conf") }
        do throws(ConfigurationProblems) {
            _ = try DaemonConfiguration.load("/nonexistent/packet-tunneld.conf")
        } catch {
            #expect(
                error.description
                    == "/nonexistent/packet-tunneld.conf: cannot be opened: No such file or directory; name the file with -f"
            )
        }
    }

    @Test(
        "a pipe that nobody writes to, or that does not end, is a problem and no wait",
        arguments: [nil, "Port 2222\n"]
    )
    func endlessPipe(text: String?) throws {
        let path = NSTemporaryDirectory() + "/" + UUID().uuidString
        try #require(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let writer = text == nil ? -1 : open(path, O_RDWR)
        defer { if writer >= 0 { close(writer) } }
        if let text { #expect(write(writer, text, text.utf8.count) == text.utf8.count) }
        let error = #expect(throws: ConfigurationReadError.self) {
            try DiskSource(patience: .milliseconds(20)).contents(of: path)
        }
        #expect(error?.reason.contains("is a pipe that has not come to its end") == true)
    }

    @Test("a pipe that ends is read, as with a shell's <(…)")
    func pipe() throws {
        var ends: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        defer { close(ends[0]) }
        #expect(write(ends[1], "Port 2222\n", 10) == 10)
        close(ends[1])
        #expect(try DiskSource().contents(of: "/dev/fd/\(ends[0])") == Array("Port 2222\n".utf8))
    }

    @Test("a line that is not UTF-8 is named, and the others still count")
    func notUTF8() {
        var reader = DirectiveReader(source: MemorySource(files: [:]))
        reader.readText(Array("Port 22\n".utf8) + [0xff, 0x0a] + Array("MTU 1400\n".utf8), file: "f")
        #expect(reader.lines.count == 3)
        #expect(
            reader.lines[1] == .failure(ConfigurationProblem(file: "f", line: 2, reason: "the line is not UTF-8 text"))
        )
    }
}

@Suite struct IncludeTests {
    @Test("an included file counts where it is included, and its problems name it")
    func includes() {
        let files = ["/etc/pt/a.conf": "MTU 1300\nFoo", "/abs.conf": "Port 1"]
        let outcome = Outcome("Include a.conf\nMTU 1400\nInclude /abs.conf", files: files)
        #expect(outcome.problems == ["/etc/pt/a.conf:2:1: Foo: unknown keyword"])
        let good = Outcome(
            "Include a.conf /abs.conf\nMTU 1400",
            files: ["/etc/pt/a.conf": "MTU 1300", "/abs.conf": "Port 1"]
        )
        #expect(good.configuration?.mtu == 1300)
        #expect(good.configuration?.ports == [1])
    }

    @Test("a pattern includes what matches, in the order of names; nothing is fine, too")
    func patterns() {
        let files = ["/etc/pt/d/20.conf": "MTU 1320", "/etc/pt/d/10.conf": "MTU 1310"]
        #expect(Outcome("Include d/*.conf", files: files).configuration?.mtu == 1310)
        #expect(Outcome("Include nothing/*.conf").problems == [])
    }

    @Test("a named file that is missing is a problem of the line")
    func missing() {
        #expect(
            Outcome("\nInclude \"b c.conf\"").problems
                == ["/etc/pt/main.conf:2:9: Include: /etc/pt/b c.conf cannot be opened: not there"]
        )
        #expect(Outcome("Include").problems == ["/etc/pt/main.conf:1:1: Include: needs at least one file"])
    }

    @Test("files that include themselves end")
    func loops() {
        #expect(
            Outcome("Include main.conf").problems
                == ["/etc/pt/main.conf:1:1: Include: files include each other more than 16 deep"]
        )
        let fans = Outcome("Include main.conf main.conf main.conf").problems
        #expect(fans.contains { $0.hasSuffix("more than 256 files are included") })
        #expect(fans.count < 1000)
    }
}
