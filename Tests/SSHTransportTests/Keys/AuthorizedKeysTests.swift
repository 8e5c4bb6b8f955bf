import IPPacket
import SSHTransport
import Testing

private let certificateAdvice =
    "certificates work behind a stock sshd with packet-tunnel-subsystem, see packet-tunneld(8)"

/// Keys made for these tests; nobody has their private halves.
enum SampleKey {
    static let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEK1OM2EbYwSKc08j1HzwDSgsnUz5JHhCglQX9UQZp/c"
    static let ed25519Fingerprint = "SHA256:7SBODttpFAbtIgo2VS8e1N8Zas5xz82RgJUYKBh03Bg"
    static let ecdsa =
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLtk9ZuLEh/+x1aV0Dc6NlGYQYevs0MTU6CZ"
        + "rSzhjTf90HjhIyiukijUIVUiTsP8ewmHTGj/PYVHUnqrTuaVgGA="
    static let ecdsaFingerprint = "SHA256:cMjVIGbqXRNQW/tn2aaFe885MT8jIuuEo5JEmXi6354"

    static func publicKey(_ words: String) throws -> SSHPublicKey {
        let words = words.split(separator: " ").map(String.init)
        return try SSHPublicKey(type: words[0], base64: words[1])
    }
}

@Suite("Authorized keys")
struct AuthorizedKeysTests {
    private func parse(_ text: String) -> AuthorizedKeys { AuthorizedKeys(parsing: text, file: "keys") }

    private func restrictions(_ options: String) throws -> TunnelRestrictions {
        let keys = parse("\(options) \(SampleKey.ed25519) comment")
        #expect(keys.problems.isEmpty)
        return try #require(keys.keys.first).restrictions
    }

    @Test("A plain line gives type, fingerprint as OpenSSH prints it, comment and line number")
    func plainLine() throws {
        let keys = parse("# keys of alice\n\n\t\(SampleKey.ecdsa)   alice at home \r\n\(SampleKey.ed25519)")
        #expect(keys.problems.isEmpty)
        try #require(keys.keys.count == 2)
        #expect(keys.keys[0].type == "ecdsa-sha2-nistp256")
        #expect(keys.keys[0].fingerprint == SampleKey.ecdsaFingerprint)
        #expect(keys.keys[0].comment == "alice at home")
        #expect(keys.keys[0].line == 3)
        #expect(keys.keys[0].restrictions == TunnelRestrictions())
        #expect(keys.keys[1].fingerprint == SampleKey.ed25519Fingerprint)
        #expect(keys.keys[1].comment.isEmpty)
    }

    @Test(
        "Options of sshd that concern the tunnel take effect in their order",
        arguments: [
            ("restrict", false), ("no-port-forwarding", false), ("restrict,port-forwarding", true),
            ("port-forwarding,restrict", false), ("restrict,pty,agent-forwarding", false), ("no-pty", true),
            ("Restrict", false),
        ]
    )
    func tunnelPermission(options: String, permitsTunnel: Bool) throws {
        #expect(try restrictions(options).permitsTunnel == permitsTunnel)
    }

    @Test(
        "Options about shells and other forwardings change nothing",
        arguments: [
            "command=\"echo \\\"a, b\\\"\"", "environment=\"LANG=C\"", "permitopen=\"host:80\"", "no-touch-required",
            "permitlisten=\"8080\"", "no-pty,no-X11-forwarding,no-agent-forwarding,no-user-rc",
            "pty,x11-forwarding,agent-forwarding,user-rc",
        ]
    )
    func withoutEffect(options: String) throws {
        #expect(try restrictions(options) == TunnelRestrictions())
    }

    @Test("Unit, sources, ports, networks, domains, rate and sessions are read")
    func values() throws {
        let read = try restrictions(
            "tunnel=\"7\",from=\"192.0.2.0/24,!192.0.2.9,2001:db8::/32\",permit-ports=\"80,443,8000-8010\","
                + "deny-networks=\"10.0.0.0/8,2001:db8:1::/48\",deny-domains=\"Example.COM,*.ads.example\",rate=10M,sessions=2"
        )
        #expect(read.tunnelUnit == 7)
        #expect(read.sourcePatterns == ["192.0.2.0/24", "!192.0.2.9", "2001:db8::/32"])
        #expect(read.permittedPorts == [80...80, 443...443, 8000...8010])
        #expect(read.deniedNetworks.map(\.description) == ["10.0.0.0/8", "2001:db8:1::/48"])
        #expect(read.deniedDomains == ["example.com", "ads.example"])
        #expect(read.rateBytesPerSecond == 10 << 20)
        #expect(read.maximumSessions == 2)
    }

    @Test("Our own options inside an environment variable, which a stock sshd tolerates, mean the same")
    func environmentForm() throws {
        let own = try restrictions(
            "permit-ports=80:443,deny-networks=\"10.0.0.0/8,::1\",deny-domains=\"a.example,b.example\",rate=500k,sessions=1"
        )
        let tolerated = try restrictions(
            "environment=\"PACKET_TUNNEL_OPTIONS=permit-ports=80,443 deny-networks=10.0.0.0/8,::1 "
                + "deny-domains=a.example,b.example rate=500K sessions=1\""
        )
        #expect(own == tolerated)
        #expect(own.rateBytesPerSecond == 500 << 10)
    }

    @Test(
        "Expiry times are dates or times, local or UTC; the earliest counts",
        arguments: [
            ("20240229Z", 1_709_164_800), ("202402291230Z", 1_709_209_800), ("20240229123045Z", 1_709_209_845),
        ]
    )
    func expiry(text: String, seconds: Int64) throws {
        #expect(try restrictions("expiry-time=\"\(text)\"").expiry == seconds)
        #expect(try restrictions("expiry-time=\"20991231Z\",expiry-time=\"\(text)\"").expiry == seconds)
    }

    @Test(
        "A bad or unknown option refuses its key, with file, line and reason, and no other key",
        arguments: [
            ("no-such-option", "unknown option no-such-option"),
            ("permit-prots=80", "unknown option permit-prots (is permit-ports meant?)"),
            ("tunnel", "tunnel needs a value"), ("tunnel=0", "tunnel= needs its value in double quotes"),
            ("tunnel=\"any\"", "tunnel=\"any\": the unit is a number from 0 to 2147483645"),
            ("tunnel=\"1\",tunnel=\"2\"", "tunnel= is there twice"),
            (
                "from=\"10.0.0.1/8\"",
                "from=: 10.0.0.1/8 has bits set behind its length; did you mean 10.0.0.0/8?"
            ),
            ("from=\"10.0.0.0/8,\"", "from= has an empty pattern"),
            ("expiry-time=\"20240230Z\"", "expiry-time=\"20240230Z\": the form is YYYYMMDD[HHMM[SS]][Z]"),
            ("cert-authority", "cert-authority is refused; \(certificateAdvice)"),
            ("principals=\"a\"", "principals= belongs to cert-authority, which is refused; \(certificateAdvice)"),
            ("verify-required", "verify-required cannot be enforced here"),
            ("environment=\"LANG\"", "environment= needs the form NAME=value"),
            (
                "environment=\"PACKET_TUNNEL_OPTIONS=speed=1\"",
                "PACKET_TUNNEL_OPTIONS has speed=1, which is none of its options"
            ),
            (
                "permit-ports=0",
                "permit-ports=: \"0\" is not a port or a range of ports;"
                    + " write any, none, or for example 53,80,443,1000-2000"
            ),
            ("permit-ports=90-80", "permit-ports=: the range 90-80 ends before it begins"),
            (
                "permit-ports=",
                "permit-ports=: \"\" is not a port or a range of ports;"
                    + " write any, none, or for example 53,80,443,1000-2000"
            ),
            (
                "deny-networks=10.0.0.1/8",
                "deny-networks=: 10.0.0.1/8 has bits set behind its length; did you mean 10.0.0.0/8?"
            ),
            (
                "deny-networks=203.0.113.0/024",
                "deny-networks=: \"203.0.113.0/024\" is not a network prefix;"
                    + " write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=::ffff:203.0.113.0/24",
                "deny-networks=: \"::ffff:203.0.113.0/24\" is not a network"
                    + " prefix; write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=203.0.113.0%x/24",
                "deny-networks=: \"203.0.113.0%x/24\" is not a network prefix;"
                    + " write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=203.0.113.0/24/",
                "deny-networks=: \"203.0.113.0/24/\" is not a network prefix;"
                    + " write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=::ffff:203.0.113.0/120",
                "deny-networks=: \"::ffff:203.0.113.0/120\" is not a network"
                    + " prefix; write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=203.0.113",
                "deny-networks=: \"203.0.113\" is not a network prefix; write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=",
                "deny-networks=: \"\" is not a network prefix; write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-networks=203.0.113.0/+24",
                "deny-networks=: \"203.0.113.0/+24\" is not a network prefix;"
                    + " write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "from=\"203.0.113.0/024\"",
                "from=: \"203.0.113.0/024\" is not a network prefix; write for example 192.0.2.0/24 or 2001:db8::/32"
            ),
            (
                "deny-domains=a..b",
                "deny-domains=: \"a..b\" is not a domain; write for example example.com; xn--… for other letters"
            ),
            ("rate=0", "rate=: a rate is at least 1 byte per second"),
            ("rate=fast", "rate=: \"fast\" is not a size; write bytes, or for example 512K, 4M, 1G"),
            ("sessions=0", "sessions=: the number of sessions is at least 1"),
            ("no-pty,,no-user-rc", "an option is empty"), ("rate=1\"0\"", "rate= has a double quote inside"),
        ]
    )
    func badOption(options: String, reason: String) {
        let keys = parse("\(SampleKey.ecdsa) good\n\(options) \(SampleKey.ed25519) bad\n")
        #expect(keys.keys.map(\.comment) == ["good"])
        #expect(keys.problems.map(\.description) == ["keys:2: \(reason)"])
    }

    @Test(
        "A line without a usable key is refused with the reason",
        arguments: [
            ("ssh-ed25519", "the key is damaged: its base64 is missing"),
            ("ssh-ed25519 AAAA=", "the key is damaged: its base64 is damaged"),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEK1", "the key is damaged: it is no valid ssh-ed25519 key"),
            (
                "ssh-rsa \(SampleKey.ed25519.split(separator: " ")[1])",
                "the key is damaged: the line says ssh-rsa, the key itself ssh-ed25519"
            ),
            ("ssh-dss AAAAB3NzaC1kc3M=", "unknown key type ssh-dss"),
            ("no-pty ssh-foo AAAAB3NzaC1kc3M=", "unknown key type ssh-foo"),
            ("no-pty", "the key is damaged: there is none on the line"),
            (
                "ssh-ed25519-cert-v01@openssh.com AAAAC3NzaC1lZDI1NTE5AAAA",
                "the key is damaged: this is a certificate; \(certificateAdvice)"
            ),
        ]
    )
    func badKey(line: String, reason: String) {
        let keys = parse("\(line)\n\(SampleKey.ecdsa) good")
        #expect(keys.keys.map(\.line) == [2])
        #expect(keys.problems.map(\.reason) == [reason])
    }

    @Test("An open quote takes the rest of its own line only")
    func openQuote() {
        let keys = parse("command=\"echo \(SampleKey.ed25519)\n\(SampleKey.ecdsa)")
        #expect(keys.keys.map(\.line) == [2])
        #expect(keys.problems.map(\.line) == [1])
    }
}

@Suite("Matching an authorized key")
struct AuthorizedKeysMatchTests {
    private func match(
        _ text: String,
        from address: String = "192.0.2.1",
        now: Int64 = 1_700_000_000
    ) throws -> Result<AuthorizedKey, AuthorizedKeysRefusal> {
        let key = try SampleKey.publicKey(SampleKey.ed25519)
        return AuthorizedKeys(parsing: text, file: "keys").match(key, remoteAddress: address, now: now)
    }

    @Test("A key that is not listed, listed wrongly, expired, or elsewhere is refused for that reason")
    func refusals() throws {
        let key = SampleKey.ed25519
        #expect(try match("\(SampleKey.ecdsa)") == .failure(.unknownKey))
        #expect(
            try match("spoon \(key)")
                == .failure(.invalidLine(try #require(.unknownOption("spoon", file: "keys", line: 1))))
        )
        #expect(try match("expiry-time=\"20230101Z\" \(key)") == .failure(.expired(line: 1)))
        #expect(try match("from=\"198.51.100.0/24\" \(key)") == .failure(.sourceAddress(line: 1)))
    }

    @Test("The first line that lets the key in decides")
    func firstLine() throws {
        let key = SampleKey.ed25519
        let text = "spoon \(key)\nfrom=\"198.51.100.1\" \(key) a\ntunnel=\"1\" \(key) b\ntunnel=\"2\" \(key) c"
        #expect(try match(text).get().comment == "b")
        #expect(try match(text, from: "198.51.100.1").get().comment == "a")
    }

    @Test(
        "from= takes networks, wildcards and negations over both families",
        arguments: [
            ("192.0.2.0/24", "192.0.2.1", true), ("192.0.2.0/24", "192.0.3.1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true), ("192.0.2.*", "::ffff:192.0.2.77", true),
            ("192.0.2.?", "192.0.2.7", true), ("192.0.2.?", "192.0.2.77", false),
            ("*,!192.0.2.1", "192.0.2.1", false), ("!192.0.2.1,*", "192.0.2.2", true),
            ("!192.0.2.1", "192.0.2.2", false),
            ("2001:db8::/32", "2001:db8::1", true), ("2001:db8::/32", "2001:db9::1", false),
            ("2001:DB8:0::1", "2001:db8::1", true), ("2001:db8::*", "2001:db8::5", true),
            ("0.0.0.0/0", "2001:db8::1", false), ("0.0.0.0/0", "203.0.113.9", true), ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false), ("fe80::/10", "fe80::1%eth0", true), ("*.example.com", "192.0.2.1", false),
            ("*", "not an address", false),
        ]
    )
    func sources(patterns: String, address: String, isPermitted: Bool) throws {
        let result = try match("from=\"\(patterns)\" \(SampleKey.ed25519)", from: address).map { _ in true }
        #expect(result == (isPermitted ? .success(true) : .failure(.sourceAddress(line: 1))))
    }
}

extension AuthorizedKeysProblem {
    fileprivate static func unknownOption(_ name: String, file: String, line: Int) -> Self? {
        AuthorizedKeys(parsing: String(repeating: "\n", count: line - 1) + "\(name) \(SampleKey.ed25519)", file: file)
            .problems.first
    }
}
