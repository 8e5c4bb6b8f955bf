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
        let isURI = text.lowercased().begins(with: "ssh://")
        var rest = isURI ? Substring(text.utf8.dropFirst(6)) : text[...]
        if isURI, let bare = rest.rest(before: "/") { rest = bare }
        if let at = rest.utf8.lastIndex(of: UInt8(ascii: "@")) {
            user = String(rest[..<at])
            rest = Substring(rest.utf8[at...].dropFirst())
        }
        host = String(rest)
        if rest.begins(with: "["), let close = rest.utf8.firstIndex(of: UInt8(ascii: "]")) {
            host = String(Substring(rest.utf8[..<close].dropFirst()))
            port = try Self.port(Substring(rest.utf8[close...].dropFirst()), in: text, isURI: isURI)
        } else if isURI, let colon = rest.utf8.firstIndex(of: UInt8(ascii: ":")) {
            host = String(rest[..<colon])
            port = try Self.port(rest[colon...], in: text, isURI: true)
        }
        if isURI, host.hasByte(of: "/") { throw ValueProblem("\"\(text)\" is not a destination") }
        if let user { try Self.check(user, called: "user", in: text) }
        try Self.check(host, called: "host", in: text)
    }

    /// The text that is read back to an equal value.
    public var description: String {
        let name = user.map { "\($0)@" } ?? ""
        guard let port else { return name + host }
        return "ssh://\(name)\(host.hasByte(of: ":") ? "[\(host)]" : host):\(port)"
    }

    private static func port(_ text: Substring, in whole: String, isURI: Bool) throws(ValueProblem) -> UInt16? {
        if text.isEmpty || isURI && text == ":" { return nil }
        guard isURI, let number = text.rest(after: ":"), let port = wholeNumber(number, as: UInt16.self), port > 0
        else {
            throw ValueProblem("\"\(whole)\" is not a destination", hint: "give the port with -p")
        }
        return port
    }

    /// A name that begins with a hyphen would be an option to a command that is given it, and what means something to a shell
    /// would be run with a proxy command (as with ssh from 9.6 on); blanks and control characters are never part of one.
    private static func check(_ name: String, called part: String, in whole: String) throws(ValueProblem) {
        guard !name.isEmpty, !name.begins(with: "-"), name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }),
            !name.hasByte(of: part == "host" ? "'`\"$\\;&<>|(){}[]" : "'`\";&<>|(){}"), !name.ends(with: "\\")
        else {
            throw ValueProblem("\"\(whole)\" names no valid \(part)", hint: "write for example alice@vpn.example")
        }
    }
}
