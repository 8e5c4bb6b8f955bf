internal import OpenSSHSyntax

/// The lists of SSH algorithms that can be chosen.
public enum AlgorithmKind: Hashable, Sendable {
    /// `Ciphers`
    case cipher
    /// `MACs`
    case mac
    /// `KexAlgorithms`
    case keyExchange

    /// What is offered when nobody chooses, best first, as far as the SSH library knows it.
    ///
    /// Key exchanges that hold against a quantum computer come first. GCM was measured fastest, and needs new keys 64 times less often than chacha20-poly1305. The finite-field groups
    /// are known but not offered: anyone may choose them before authentication, and group 18 costs the server over
    /// a hundred milliseconds per handshake. Curves of NIST, and codes that cover the plain text alone, can be chosen, too,
    /// by those whose clients have nothing better.
    public var defaults: [String] {
        switch self {
        case .cipher:
            ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
        case .mac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]
        case .keyExchange:
            [
                "mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com",
                "curve25519-sha256", "curve25519-sha256@libssh.org",
            ]
        }
    }

    /// Every name that can be chosen with some version of the SSH library.
    public var known: [String] {
        switch self {
        case .cipher: defaults + ["aes192-ctr", "aes128-ctr"]
        case .mac: defaults + ["hmac-sha2-256", "hmac-sha2-512"]
        case .keyExchange:
            defaults + [
                "mlkem768nistp256-sha256", "mlkem1024nistp384-sha384", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
                "ecdh-sha2-nistp521",
                "diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512",
                "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256",
            ]
        }
    }

    /// The keyword of the list.
    var keyword: String {
        switch self {
        case .cipher: "Ciphers"
        case .mac: "MACs"
        case .keyExchange: "KexAlgorithms"
        }
    }

    /// Reads a list as sshd does: names separated by commas replace the defaults; `+` in front appends them, `-`
    /// removes them (`*` and `?` match), `^` puts them first. Which names there are, `AlgorithmSupport` knows.
    func parse(_ text: String) throws(ValueProblem) -> [String] {
        let sign = text.unicodeScalars.first.flatMap { "+-^".unicodeScalars.contains($0) ? $0 : nil }
        let names = (sign == nil ? text[...] : Substring(text.utf8.dropFirst())).parts(at: ",").map(String.init)
        let result: [String]
        if sign == "-" {
            result = defaults.filter { name in !names.contains { Wildcard.matches($0, name) } }
        } else {
            for name in names where !Self.isName(name) {
                throw ValueProblem("\"\(name)\" cannot be the name of an algorithm")
            }
            switch sign {
            case "+": result = unique(defaults + names)
            case "^": result = unique(names + defaults)
            default: result = unique(names)
            }
        }
        guard !result.isEmpty else { throw ValueProblem("no algorithm is left") }
        return result
    }

    /// RFC 4251 §6: 1 to 64 printable characters; a sign in front would mean something else.
    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count) && !"+-^".utf8.contains(text.utf8.first ?? UInt8(ascii: "+"))
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
