import IPPacket
import Testing

@testable import OpenSSHSyntax

/// To Swift, a character and the combining marks behind it are one. To OpenSSH, to a shell and to the kernel they are bytes: no
/// mark hides what stands in front of it.
@Suite("Combining marks in texts of others")
struct CombiningMarkTests {
    @Test("jump hosts are cut at every comma, at sign and colon, and read back")
    func jumpHosts() throws {
        let jump = try JumpHosts(parsing: "\u{301}a,\u{301}b@\u{301}c:22,d")
        #expect(jump.hosts.map(\.host) == ["\u{301}a", "\u{301}c", "d"])
        #expect(jump.hosts.map(\.user) == [nil, "\u{301}b", nil])
        #expect(jump.hosts.map(\.port) == [nil, 22, nil])
        #expect(try JumpHosts(parsing: jump.description) == jump)
    }

    @Test("a host that is an option, or means something to a shell, is refused whatever follows", arguments: 0..<2)
    func dangerousHosts(marks: Int) {
        let mark = String(repeating: "\u{301}", count: marks)
        for text in [
            "-\(mark)x", "a@-\(mark)x", "a$\(mark)(x)", "a;\(mark)x", "a`\(mark)x`", "a>\(mark)x", "a'\(mark)x",
        ] {
            #expect(throws: ValueProblem.self, "\(text)") { try Destination(parsing: text) }
            #expect(throws: ValueProblem.self, "\(text)") { try JumpHosts(parsing: text) }
        }
        #expect(throws: ValueProblem.self) { try Destination(parsing: "a;\(mark)x@host") }
        #expect(throws: ValueProblem.self) { try Destination(parsing: "a\\@host") }
    }

    @Test("a destination is cut at its last at sign, and the port is a port")
    func destinations() throws {
        let destination = try Destination(parsing: "ssh://al@ice@\u{301}vpn:22")
        #expect(destination.user == "al@ice" && destination.host == "\u{301}vpn" && destination.port == 22)
        #expect(try Destination(parsing: destination.description) == destination)
        #expect(throws: ValueProblem.self) { try Destination(parsing: "ssh://vpn:\u{301}22") }
    }

    @Test("a negated pattern is one, and a comma ends it")
    func patterns() {
        #expect(PatternList(commaSeparated: "*,!\u{301}b").verdict(on: "\u{301}b") == .excluded)
        #expect(PatternList(commaSeparated: "a,\u{301}b").patterns == ["a", "\u{301}b"])
    }

    @Test(
        "words are quoted so that they are read back",
        arguments: ["a \u{301}b", "a\rb", "\"\u{301}a", "a\\\u{301}", "#\u{301}", "=\u{301}"]
    )
    func quotedWords(word: String) throws {
        #expect(try SSHConfigLine("Tag \(quoted(word))")?.words == [word])
        #expect(try SSHOption("BindInterface", word: word).words == [word])
    }

    @Test("the rest of a line begins where its first word does")
    func restOfLine() throws {
        #expect(try SSHConfigLine("ProxyCommand=\u{301}x")?.rest == "\u{301}x")
        // A no-break space is no blank to ssh.
        #expect(try SSHConfigLine("ProxyCommand x\u{a0}")?.rest == "x\u{a0}")
    }

    @Test("tokens, variables and tildes are replaced")
    func tokens() throws {
        let tokens = SSHTokens { $0 == "h" ? "host" : nil }
        #expect(try tokens.expand("%h\u{301}", ["h"]) == "host\u{301}")
        #expect(throws: ValueProblem.self) { try tokens.expand("%\u{301}h", ["h"]) }
        #expect(try tokens.expand("${A}\u{301}", ["h"], environment: { _ in "a" }) == "a\u{301}")
        #expect(try SSHTokens.expandTilde("~/\u{301}x") { _ in "/home" } == "/home/\u{301}x")
    }

    @Test("lists of values with a mark are refused as they stand, and not read as one value")
    func values() {
        #expect(throws: ValueProblem.self) { try PortSet(parsing: "80,\u{301}443") }
        #expect(throws: ValueProblem.self) { try PrefixText.parse("192.0.2.0/\u{301}24") }
        #expect(throws: ValueProblem.self) { try MaxStartups(parsing: "10:\u{301}30:100") }
        #expect(throws: ValueProblem.self) { try ByteCount.parse("5\u{212a}") }
        #expect(throws: ValueProblem.self) { try TimeSpan.parse("5m\u{301}") }
    }
}
