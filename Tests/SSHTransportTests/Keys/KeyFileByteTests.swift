import Glibc
import Testing

@testable import SSHTransport

/// Files with keys are read by their bytes, as OpenSSH reads them: a combining mark behind a blank, a comma or an exclamation
/// mark does not hide it. What was hidden let somebody in.
@Suite("Key files with combining marks")
struct KeyFileByteTests {
    private let key = SampleKey.ed25519

    private func verdict(_ line: String) throws -> KnownHosts.Verdict {
        var hosts = KnownHosts(name: "vpn", files: [])
        hosts.add(line, from: "known_hosts")
        return hosts.verdict(on: try SampleKey.publicKey(key))
    }

    @Test(
        "a revoked host key is revoked",
        arguments: [
            "@revoked * KEY \u{301}comment", "@revoked *,\u{301}x KEY", "@revoked \u{301}x,* KEY",
            "@revoked * KEY\t\u{301}",
            "@revoked * KEY\r",
        ]
    )
    func revoked(line: String) throws {
        guard case .revoked = try verdict(line.replacing("KEY", with: key)) else {
            return #expect(Bool(false), "\(line.debugDescription) is overlooked")
        }
    }

    @Test("a host that a line excludes is excluded")
    func excluded() throws {
        #expect(try verdict("*,\u{301}x,!vpn \(key)") == .unknown(authority: nil))
        #expect(try verdict("vpn,\u{301}x \(key)") == .known)
    }

    @Test(
        "a comment of a revoked key begins with what it likes",
        arguments: ["\u{301}comment", "\u{85}comment", "\u{2028}comment"]
    )
    func revocationList(comment: String) throws {
        let bytes = Array("# keys\r\n\n\(key) \(comment)\r\n".utf8)
        #expect(try RevokedHostKeys.contains(SampleKey.publicKey(key), among: bytes, of: "revoked"))
    }

    @Test("a line that is no key is named by its number")
    func revocationListProblem() throws {
        let error = #expect(throws: SSHClientError.self) {
            try RevokedHostKeys.contains(
                SampleKey.publicKey(key),
                among: Array("\n\n# x\nnonsense\n".utf8),
                of: "revoked"
            )
        }
        #expect(error?.reason.contains("line 4 is no key") == true)
    }

    @Test(
        "an address that from= excludes is refused, or the whole line",
        arguments: [
            "*,!192.0.2.1,\u{301}x", "!\u{301}x,!192.0.2.1,*", "*,!192.0.2.0/\u{301}24", "!192.0.2.0\u{301}/24,*",
        ]
    )
    func sourceAddress(patterns: String) throws {
        let keys = AuthorizedKeys(parsing: "from=\"\(patterns)\" \(key)", file: "keys")
        if case .success = keys.match(try SampleKey.publicKey(key), remoteAddress: "192.0.2.1", now: 0) {
            #expect(Bool(false), "\(patterns.debugDescription) lets the address in")
        }
    }

    @Test(
        "options end at their commas, and a value at its quotation mark",
        arguments: [
            "command=\"x\"\u{301},restrict", "restrict,\u{301}port-forwarding", "tunnel=\u{301}\"1\"",
            "from=\"x\u{301}\\\" y\"z\"",
        ]
    )
    func options(text: String) {
        let keys = AuthorizedKeys(parsing: "\(text) \(key)", file: "keys")
        #expect(keys.keys.isEmpty && keys.problems.count == 1)
    }

    @Test("a quotation mark in a value is kept, and a backslash in front of another character, too")
    func quotedValue() throws {
        let keys = AuthorizedKeys(parsing: #"command="say \"x\" \y",from="192.0.2.1" \#(key)"#, file: "keys")
        #expect(keys.keys.count == 1 && keys.problems.isEmpty)
    }

    @Test("no blank of a user's name reaches the log", arguments: ["a \u{301}b", "a=\u{301}b", "\u{301} =\u{308}"])
    func userNames(name: String) {
        let printed = SSHRuntime.userName(name)
        #expect(!printed.utf8.contains(UInt8(ascii: " ")) && !printed.utf8.contains(UInt8(ascii: "=")))
    }
}
