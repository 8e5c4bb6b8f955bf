import IPPacket
import OpenSSHSyntax
import Testing

@testable import TunnelConfiguration

@Suite struct UserTests {
    private let v4 = IPAddress(ipv4: 0xc000_0201)  // 192.0.2.1
    private let v6 = IPAddress(bits: 0x2001_0db8 << 96 | 1)  // 2001:db8::1

    @Test(
        "a pattern fits names and addresses of both families",
        arguments: [
            ("alice", "alice", true, true), ("alice", "alicia", false, false), ("a*e", "alice", true, true),
            ("al?ce", "alice", true, true), ("*", "x", true, true), ("alice@192.0.2.0/24", "alice", true, false),
            ("alice@2001:db8::/32", "alice", false, true), ("alice@192.0.2.*", "alice", true, false),
            ("alice@2001:*", "alice", false, true), ("*@192.0.2.2", "alice", false, false),
            ("*a*a*a*b", "aaaaaaaa", false, false),
            ("alice@::/0", "alice", false, true),
        ]
    )
    func patterns(text: String, user: String, fromIPv4: Bool, fromIPv6: Bool) throws {
        let pattern = try UserPattern(parsing: text)
        #expect(pattern.matches(user: user, from: v4) == fromIPv4)
        #expect(pattern.matches(user: user, from: v6) == fromIPv6)
        #expect(pattern.description == text)
    }

    @Test(
        "what is no user is refused",
        arguments: [
            "", "@192.0.2.1", "alice@", "!alice", "alice@192.0.2.1/24", "alice@x/24", "!\u{301}alice",
            "alice@192.0.2.0/\u{301}24",
        ]
    )
    func badPatterns(text: String) {
        #expect(throws: ValueProblem.self) { try UserPattern(parsing: text) }
    }

    @Test("denied users stay out even if they are allowed, and a list of allowed users excludes the others")
    func admission() throws {
        var configuration = DaemonConfiguration()
        #expect(configuration.admits(user: "anyone", from: v4))
        configuration.allowedUsers = [try UserPattern(parsing: "a*")]
        configuration.deniedUsers = [try UserPattern(parsing: "alan@192.0.2.0/24")]
        #expect(configuration.admits(user: "alice", from: v4))
        #expect(!configuration.admits(user: "bob", from: v4))
        #expect(!configuration.admits(user: "alan", from: v4))
        #expect(configuration.admits(user: "alan", from: v6))
    }

    @Test(
        "key files are found by user and home directory",
        arguments: [
            ("/etc/keys/%u", "alice", nil, "/etc/keys/alice"),
            (".ssh/authorized_keys", "alice", "/home/a", "/home/a/.ssh/authorized_keys"),
            ("%h/keys", "alice", "/home/a", "/home/a/keys"), ("%h/keys", "alice", nil, nil),
            ("keys", "alice", nil, nil),
            ("/etc/100%%/%u", "alice", nil, "/etc/100%/alice"), ("/etc/%u/%u", "al%u", nil, "/etc/al%u/al%u"),
        ] as [(String, String, String?, String?)]
    )
    func keyFiles(pattern: String, user: String, home: String?, path: String?) throws {
        #expect(try KeyFilePattern(parsing: pattern).path(user: user, home: home) == path)
    }

    @Test(
        "a user's name never leads out of the directory of key files",
        arguments: ["", ".", "..", "../root", "a/b", "a\0b", "a\nb", ".hidden", "a b"]
    )
    func unsafeUsers(user: String) throws {
        #expect(try KeyFilePattern(parsing: "/etc/keys/%u").path(user: user, home: "/home/a") == nil)
    }

    @Test(
        "copies that editors and packages leave beside a key file are nobody's",
        arguments: ["alice~", "#alice#", "alice.bak", "Alice.BAK", "alice.swp", "alice.dpkg-old", "alice,v"]
    )
    func copies(user: String) throws {
        #expect(try KeyFilePattern(parsing: "/etc/keys/%u").path(user: user, home: nil) == nil)
        #expect(try KeyFilePattern(parsing: "keys/%u").path(user: user, home: "/home/a") == nil)
    }

    @Test("whether a key file needs a home directory is known beforehand")
    func needsHome() throws {
        #expect(try !KeyFilePattern(parsing: "/etc/keys/%u").needsHome)
        #expect(try KeyFilePattern(parsing: "/data/%h").needsHome)
        #expect(try KeyFilePattern(parsing: "%h/keys").needsHome)
        #expect(try KeyFilePattern(parsing: "keys").needsHome)
    }

    @Test("unknown tokens are refused", arguments: ["", "/etc/%x", "/etc/%", "/etc/%%%"])
    func badKeyFiles(text: String) {
        #expect(throws: ValueProblem.self) { try KeyFilePattern(parsing: text) }
    }
}
