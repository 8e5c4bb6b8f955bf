internal import IPPacket
internal import OpenSSHSyntax

/// The patterns of `from=`: addresses, networks, and wildcards over the text of an address.
///
/// Host names never match, as with sshd's default `UseDNS no`: a name that its owner gives proves nothing.
enum AuthorizedKeysSource {
    /// True if some pattern matches and no negated one does.
    static func matches(_ text: String, patterns: [String]) -> Bool {
        guard let address = IPAddress(peer: text) else { return false }
        // A dual-stack socket reports 192.0.2.1 as ::ffff:192.0.2.1, which is not what a rule says.
        let canonical = address.isIPv4 ? "\(address)" : text.lowercased()
        return PatternList(patterns).verdict { pattern in
            if let network = IPPrefix(pattern) { return network.contains(address) }
            return Wildcard.matches(pattern.lowercased(), canonical)
        } == .matches
    }
}
