internal import IPPacket
internal import OpenSSHSyntax

/// The options before a key: split at commas, unquoted, understood one by one, in their order.
struct AuthorizedKeysOptions {
    /// Why options are refused, and the key with them.
    struct Problem: Error {
        var reason: String
    }

    /// The environment variable that carries our own options past a stock sshd.
    static let environmentName = "PACKET_TUNNEL_OPTIONS"

    /// Flags that change nothing for a tunnel, each also in its `no-` form.
    private static let flagsWithoutEffect: Set<String> = ["agent-forwarding", "pty", "user-rc", "x11-forwarding"]
    private static let own: Set<String> = ["permit-ports", "deny-networks", "deny-domains", "rate", "sessions"]
    private static let others = [
        "restrict", "port-forwarding", "no-port-forwarding", "tunnel", "from", "expiry-time", "command", "environment",
        "permitopen", "permitlisten", "no-touch-required",
    ]

    private var restrictions = TunnelRestrictions()
    private var seen: Set<String> = []

    /// Reads what stands before the key type; empty text restricts nothing.
    static func restrictions(parsing text: Substring) throws(Problem) -> TunnelRestrictions {
        var options = AuthorizedKeysOptions()
        guard !text.isEmpty else { return options.restrictions }
        for option in try split(text) { try options.apply(option) }
        return options.restrictions
    }

    // MARK: Splitting

    private static func split(_ text: Substring) throws(Problem) -> [Substring] {
        var isQuoted = false
        var previous: UInt8 = 0
        let options = text.utf8.split(omittingEmptySubsequences: false) { byte in
            if byte == UInt8(ascii: "\""), previous != UInt8(ascii: "\\") { isQuoted.toggle() }
            previous = byte
            return byte == UInt8(ascii: ",") && !isQuoted
        }
        if isQuoted { throw Problem(reason: "a double quote is not closed") }
        return options.map { Substring($0) }
    }

    private mutating func apply(_ option: Substring) throws(Problem) {
        let parts = option.parts(at: "=", maxSplits: 1)
        let name = parts[0].lowercased()
        guard !name.isEmpty else { throw Problem(reason: "an option is empty") }
        guard parts.count == 2 else { return try applyFlag(name) }
        if Self.own.contains(name) { return try applyOwn(name, try Self.unquote(parts[1], of: name)) }
        try applyStock(name, parts[1])
    }

    private static func unquote(_ text: Substring, of name: String) throws(Problem) -> String {
        guard let rest = text.rest(after: "\"") else {
            guard !text.hasByte(of: "\"") else { throw Problem(reason: "\(name)= has a double quote inside") }
            return String(text)
        }
        guard let quoted = rest.rest(before: "\""), !quoted.ends(with: "\\") else {
            throw Problem(reason: "\(name)= does not end with its double quote")
        }
        var value: [UInt8] = []
        for byte in quoted.utf8 {
            if byte == UInt8(ascii: "\"") {
                guard value.popLast() == UInt8(ascii: "\\") else {
                    throw Problem(reason: "\(name)= does not end with its double quote")
                }
            }
            value.append(byte)
        }
        return String(decoding: value, as: UTF8.self)
    }

    // MARK: sshd's options

    private mutating func applyFlag(_ name: String) throws(Problem) {
        let base = name.rest(after: "no-").map(String.init) ?? name
        switch name {
        case "restrict", "no-port-forwarding": restrictions.permitsTunnel = false
        case "port-forwarding": restrictions.permitsTunnel = true
        case "no-touch-required": break
        case "cert-authority": throw Problem(reason: "cert-authority is refused; \(Certificates.advice)")
        // The signature says whether a PIN was asked for, but the SSH library does not tell.
        case "verify-required": throw Problem(reason: "verify-required cannot be enforced here")
        default:
            if Self.flagsWithoutEffect.contains(base) { return }
            if Self.own.contains(name) || Self.others.contains(name) { throw Problem(reason: "\(name) needs a value") }
            throw unknown(name)
        }
    }

    private mutating func applyStock(_ name: String, _ quoted: Substring) throws(Problem) {
        switch name {
        case "from", "tunnel", "expiry-time", "command", "environment", "permitopen", "permitlisten": break
        case "principals":
            throw Problem(reason: "principals= belongs to cert-authority, which is refused; \(Certificates.advice)")
        default: throw unknown(name)
        }
        // sshd refuses such a line, and reading it differently here would help nobody.
        guard quoted.begins(with: "\"") else { throw Problem(reason: "\(name)= needs its value in double quotes") }
        let value = try Self.unquote(quoted, of: name)
        switch name {
        case "from":
            try once(name)
            restrictions.sourcePatterns = try Self.sourcePatterns(value)
        case "tunnel":
            try once(name)
            // OpenSSH keeps the two numbers above for "any" and for errors.
            guard let unit = UInt32(value), unit <= 0x7fff_fffd else {
                throw Problem(reason: "tunnel=\"\(value)\": the unit is a number from 0 to 2147483645")
            }
            restrictions.tunnelUnit = unit
        case "expiry-time":
            guard let time = AuthorizedKeysTime.parse(value) else {
                throw Problem(reason: "expiry-time=\"\(value)\": the form is YYYYMMDD[HHMM[SS]][Z]")
            }
            restrictions.expiry = min(time, restrictions.expiry ?? .max)
        case "environment": try applyEnvironment(value)
        default: break
        }
    }

    private static func sourcePatterns(_ value: String) throws(Problem) -> [String] {
        let patterns = value.parts(at: ",").map(String.init)
        for pattern in patterns {
            let bare = Substring(pattern.utf8.drop { $0 == UInt8(ascii: "!") })
            if bare.isEmpty { throw Problem(reason: "from= has an empty pattern") }
            // Something with a slash is meant to be a network: a slip in it must not turn into a pattern of no effect.
            guard bare.hasByte(of: "/") else { continue }
            do throws(ValueProblem) { _ = try PrefixText.parse(String(bare)) } catch {
                throw Problem(reason: "from=: \(error)")
            }
        }
        return patterns
    }

    private mutating func applyEnvironment(_ value: String) throws(Problem) {
        let parts = value.parts(at: "=", maxSplits: 1)
        guard parts.count == 2, !parts[0].isEmpty,
            parts[0].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        else { throw Problem(reason: "environment= needs the form NAME=value") }
        guard parts[0] == Self.environmentName else { return }
        for word in parts[1].parts(at: " ", omittingEmpty: true) {
            let option = word.parts(at: "=", maxSplits: 1)
            let name = option[0].lowercased()
            guard option.count == 2, Self.own.contains(name) else {
                throw Problem(reason: "\(Self.environmentName) has \(word), which is none of its options")
            }
            try applyOwn(name, String(option[1]))
        }
    }

    // MARK: Our own options

    private mutating func applyOwn(_ name: String, _ value: String) throws(Problem) {
        try once(name)
        do throws(ValueProblem) {
            switch name {
            case "permit-ports": restrictions.permittedPorts = try AuthorizedKeysValues.ports(value)
            case "deny-networks": restrictions.deniedNetworks = try AuthorizedKeysValues.networks(value)
            case "deny-domains": restrictions.deniedDomains = try AuthorizedKeysValues.domains(value)
            case "rate": restrictions.rateBytesPerSecond = try AuthorizedKeysValues.rate(value)
            default: restrictions.maximumSessions = try AuthorizedKeysValues.sessions(value)
            }
        } catch {
            throw Problem(reason: "\(name)=: \(error)")
        }
    }

    private mutating func once(_ name: String) throws(Problem) {
        guard seen.insert(name).inserted else { throw Problem(reason: "\(name)= is there twice") }
    }

    private func unknown(_ name: String) -> Problem {
        let known = Self.others + Self.own.sorted() + Self.flagsWithoutEffect.sorted().flatMap { [$0, "no-" + $0] }
        guard let near = NearestWord.to(name, among: known) else { return Problem(reason: "unknown option \(name)") }
        return Problem(reason: "unknown option \(name) (is \(near) meant?)")
    }
}
