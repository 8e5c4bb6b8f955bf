/// The lists of SSH algorithms that can be chosen, and the names that the SSH library knows.
public enum AlgorithmKind: Hashable, Sendable {
    /// `Ciphers`
    case cipher
    /// `MACs`
    case mac
    /// `KexAlgorithms`
    case keyExchange

    /// What is offered when nobody chooses, best first.
    ///
    /// GCM was measured fastest, and needs new keys 64 times less often than chacha20-poly1305. The finite-field groups
    /// are known but not offered: anyone may choose them before authentication, and group 18 costs the server over
    /// a hundred milliseconds per handshake.
    public var defaults: [String] {
        switch self {
        case .cipher:
            ["aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
        case .mac:
            [
                "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512",
            ]
        case .keyExchange:
            [
                "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
                "ecdh-sha2-nistp521",
            ]
        }
    }

    /// Every name that can be chosen.
    public var known: [String] {
        switch self {
        case .cipher: defaults + ["aes192-ctr", "aes128-ctr"]
        case .mac: defaults
        case .keyExchange:
            defaults + [
                "diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512",
                "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256",
            ]
        }
    }

    /// Reads a list as sshd does: names separated by commas replace the defaults; `+` in front appends them, `-`
    /// removes them (`*` and `?` match), `^` puts them first.
    func parse(_ text: String) throws(ValueProblem) -> [String] {
        let sign = text.first.flatMap { "+-^".contains($0) ? $0 : nil }
        let names = (sign == nil ? text[...] : text.dropFirst())
            .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let result: [String]
        if sign == "-" {
            result = defaults.filter { name in !names.contains { Wildcard.matches($0, name) } }
        } else {
            for name in names where !known.contains(name) {
                throw ValueProblem(
                    "\"\(name)\" is not an algorithm that the SSH library offers",
                    hint: NearestWord.hint(name, among: known) ?? "known are \(known.joined(separator: ", "))"
                )
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

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}
