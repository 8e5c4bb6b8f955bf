internal import IPPacket

/// What resolv.conf(5) says.
enum ResolverText {
    /// Where systemd-resolved listens on every host that runs it.
    static let stubs = ["127.0.0.53", "127.0.0.54"]
    /// Resolvers that glibc reads; it ignores more.
    static let limit = 3

    /// The text for these resolvers. What the administrator has set with `options` stays, except that nobody vouches
    /// for another resolver's DNSSEC (`trust-ad`).
    static func make(_ settings: ResolverSettings, interface: String, replacing text: String) -> String {
        let options = fields("options", in: text).filter { $0 != "trust-ad" }
        let lines =
            ["# Written by packet-tunnel for the tunnel \(interface). The file that was here comes back when it ends."]
            + record(settings)
            + (options.isEmpty ? [] : ["options " + options.joined(separator: " ")])
        return lines.map { $0 + "\n" }.joined()
    }

    /// The lines that name the resolvers and the search domains alone.
    static func record(_ settings: ResolverSettings) -> [String] {
        settings.addresses.prefix(limit).map { "nameserver \($0)" }
            + (settings.searchDomains.isEmpty ? [] : ["search " + settings.searchDomains.joined(separator: " ")])
    }

    /// The resolvers that a text names, as it spells them.
    static func nameservers(in text: String) -> [String] {
        lines(of: text).filter { $0.count >= 2 && $0[0] == "nameserver" }.map { String($0[1]) }
    }

    /// True if a program that reads this text asks resolvers out of `allowed` and nobody else.
    static func names(only allowed: [String], in text: String) -> Bool {
        let found = nameservers(in: text)
        return !found.isEmpty && found.allSatisfy { allowed.contains($0) }
    }

    private static func fields(_ keyword: String, in text: String) -> [String] {
        lines(of: text).filter { $0.first == keyword[...] }.flatMap { $0.dropFirst().map { String($0) } }
    }

    private static func lines(of text: String) -> [[Substring]] {
        text.split(whereSeparator: \.isNewline).map { $0.split { $0 == " " || $0 == "\t" } }
    }
}
