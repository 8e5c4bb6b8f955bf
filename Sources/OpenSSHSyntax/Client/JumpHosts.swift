/// The value of `ProxyJump`: the hosts on the way, the first one first.
public struct JumpHosts: Hashable, Sendable {
    /// The hosts; empty for `none`.
    public var hosts: [Destination]

    /// Reads `[user@]host[:port]` or `ssh://[user@]host[:port]`, several with commas, or `none`.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        hosts = []
        guard text.lowercased() != "none" else { return }
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let item = String(item)
            // Unlike a destination of its own, a jump host takes its port without ssh:// as well, and an IPv6 address in
            // brackets only.
            let isURI = item.lowercased().hasPrefix("ssh://")
            // As with ssh: what a shell could take for its own is in no name.
            guard !item.contains(where: { "'`\"$\\;&<>|(){}".contains($0) }) else {
                throw ValueProblem("\"\(item)\" is no host to go through")
            }
            hosts.append(try Destination(parsing: isURI || !Self.hasPort(item) ? item : "ssh://" + item))
        }
    }

    private static func hasPort(_ text: String) -> Bool {
        let host = text.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        return host.hasPrefix("[") ? host.contains("]:") : host.contains(":")
    }
}
