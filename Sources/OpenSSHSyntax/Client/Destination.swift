/// Whom a client connects to: `[user@]host`, or `ssh://[user@]host[:port]`, as stock ssh takes it.
public struct Destination: ConfigurationValue {
    /// The user; nil for what the SSH configuration or the local account says.
    public var user: String?
    /// A host name, an alias from the SSH configuration, or an address.
    public var host: String
    /// The port, if the form with `ssh://` names one.
    public var port: UInt16?

    /// How a synopsis calls it.
    public static var placeholder: String { "[user@]host" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let isURI = text.lowercased().hasPrefix("ssh://")
        var rest = isURI ? text.dropFirst(6) : text[...]
        if isURI, rest.hasSuffix("/") { rest = rest.dropLast() }
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        host = String(rest)
        if rest.hasPrefix("["), let close = rest.firstIndex(of: "]") {
            host = String(rest[rest.index(after: rest.startIndex)..<close])
            port = try Self.port(rest[rest.index(after: close)...], in: text, isURI: isURI)
        } else if isURI, let colon = rest.firstIndex(of: ":") {
            host = String(rest[..<colon])
            port = try Self.port(rest[colon...], in: text, isURI: true)
        }
        if isURI, host.contains("/") { throw ValueProblem("\"\(text)\" is not a destination") }
        if let user { try Self.check(user, called: "user", in: text) }
        try Self.check(host, called: "host", in: text)
    }

    /// The text that is read back to an equal value.
    public var description: String {
        let name = user.map { "\($0)@" } ?? ""
        guard let port else { return name + host }
        return "ssh://\(name)\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    private static func port(_ text: Substring, in whole: String, isURI: Bool) throws(ValueProblem) -> UInt16? {
        if text.isEmpty || isURI && text == ":" { return nil }
        guard isURI, text.hasPrefix(":"), let port = wholeNumber(text.dropFirst(), as: UInt16.self), port > 0 else {
            throw ValueProblem("\"\(whole)\" is not a destination", hint: "give the port with -p")
        }
        return port
    }

    /// A name that begins with a hyphen would be an option to a command that is given it; blanks and control characters
    /// are never part of one.
    private static func check(_ name: String, called part: String, in whole: String) throws(ValueProblem) {
        guard !name.isEmpty, !name.hasPrefix("-"), name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw ValueProblem("\"\(whole)\" names no valid \(part)", hint: "write for example alice@vpn.example")
        }
    }
}
