/// The value of `ProxyJump`: the hosts on the way, the first one first.
public struct JumpHosts: Hashable, Sendable, CustomStringConvertible {
    /// The hosts; empty for `none`.
    public var hosts: [Destination]

    /// Hosts in the order in which they are passed.
    public init(_ hosts: some Sequence<Destination>) { self.hosts = Array(hosts) }

    /// Reads `[user@]host[:port]` or `ssh://[user@]host[:port]`, several with commas, or `none`.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        hosts = []
        guard text.lowercased() != "none" else { return }
        for item in text.parts(at: ",") { hosts.append(try Self.host(item)) }
    }

    /// Unlike a destination of its own, a jump host takes its port without `ssh://` as well, and an IPv6 address in brackets
    /// only.
    private static func host(_ item: Substring) throws(ValueProblem) -> Destination {
        let isURI = item.lowercased().begins(with: "ssh://")
        var text = isURI ? Substring(item.utf8.dropFirst(6)) : item
        if isURI, !text.ends(with: ":/"), let bare = text.rest(before: "/") { text = bare }
        if let bare = text.rest(before: ":"), !bare.isEmpty { text = bare }
        // As with ssh: what a shell could take for its own is in no name.
        guard !text.hasByte(of: "'`\"$\\;&<>|(){}/") else {
            throw ValueProblem("\"\(item)\" is no host to go through")
        }
        return try Destination(parsing: hasPort(text) ? "ssh://\(text)" : String(text))
    }

    /// The text that is read back to an equal value.
    public var description: String { hosts.isEmpty ? "none" : hosts.map(Self.text).joined(separator: ",") }

    /// One host as the list has it: `[user@]host[:port]`.
    public static func text(_ host: Destination) -> String {
        let name = host.host.hasByte(of: ":") ? "[\(host.host)]" : host.host
        return (host.user.map { "\($0)@" } ?? "") + name + (host.port.map { ":\($0)" } ?? "")
    }

    private static func hasPort(_ text: Substring) -> Bool {
        let host = text.parts(at: "@").last ?? ""
        guard host.begins(with: "[") else { return host.hasByte(of: ":") }
        let close = host.utf8.firstIndex(of: UInt8(ascii: "]"))
        return close.map { Substring(host.utf8[$0...]).begins(with: "]:") } ?? false
    }
}
