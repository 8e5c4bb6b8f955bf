internal import Glibc

/// An address or a network as text writes it; IPv4 in the form `::ffff:a.b.c.d`.
struct AddressPattern: Equatable {
    var bits: UInt128
    var length: Int
    var isIPv4: Bool

    /// Reads `192.0.2.0/24`, `2001:db8::/32`, or a bare address. Nil if the text is neither, or has bits set beyond the
    /// prefix: whoever wrote that meant something else.
    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = Self.address(parts[0]) else { return nil }
        (bits, isIPv4) = address
        length = 128
        guard parts.count == 2 else { return }
        guard let given = Self.decimal(parts[1]), given <= (isIPv4 ? 32 : 128) else { return nil }
        length = isIPv4 ? given + 96 : given
        guard length == 128 || bits << UInt128(length) == 0 else { return nil }
    }

    func contains(_ other: AddressPattern) -> Bool {
        guard isIPv4 == other.isIPv4 else { return false }
        return length == 0 || (bits ^ other.bits) >> UInt128(128 - length) == 0
    }

    private static func decimal(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 3, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// A mapped IPv4 address is what a dual-stack socket reports for an IPv4 client: it counts as IPv4.
    private static func address(_ text: some StringProtocol) -> (bits: UInt128, isIPv4: Bool)? {
        // A scope is how the kernel says which link; no rule names one.
        let text = String(text.prefix(while: { $0 != "%" }))
        var ipv4 = in_addr()
        if inet_pton(AF_INET, text, &ipv4) == 1 {
            return (0xffff_0000_0000 | UInt128(UInt32(bigEndian: ipv4.s_addr)), true)
        }
        var ipv6 = in6_addr()
        guard inet_pton(AF_INET6, text, &ipv6) == 1 else { return nil }
        let bits = withUnsafeBytes(of: &ipv6) { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }
        return (bits, bits >> 32 == 0xffff)
    }
}

/// The patterns of `from=`: addresses, networks, and wildcards over the text of an address.
///
/// Host names never match, as with sshd's default `UseDNS no`: a name that its owner gives proves nothing.
enum AuthorizedKeysSource {
    /// True if some pattern matches and no negated one does.
    static func matches(_ address: String, patterns: [String]) -> Bool {
        guard let source = AddressPattern(address), source.length == 128 else { return false }
        var isMatched = false
        for pattern in patterns {
            let isNegated = pattern.hasPrefix("!")
            guard matches(source, address, pattern.dropFirst(isNegated ? 1 : 0)) else { continue }
            if isNegated { return false }
            isMatched = true
        }
        return isMatched
    }

    private static func matches(_ source: AddressPattern, _ text: String, _ pattern: Substring) -> Bool {
        if let network = AddressPattern(pattern) { return network.contains(source) }
        return wildcard(Array(pattern.utf8), matches: Array(canonical(source, text).utf8))
    }

    /// The text that a wildcard is held against: `::ffff:192.0.2.1` is `192.0.2.1` to whoever wrote the rule.
    private static func canonical(_ source: AddressPattern, _ text: String) -> String {
        guard source.isIPv4 else { return text.lowercased() }
        return (0..<4).reversed().map { String(UInt8(truncatingIfNeeded: source.bits >> UInt128($0 * 8))) }
            .joined(separator: ".")
    }

    /// `*` is any run of characters, `?` any one. Linear in both lengths: only the last `*` is ever gone back to.
    static func wildcard(_ pattern: [UInt8], matches text: [UInt8]) -> Bool {
        var position = 0
        var index = 0
        var star: (pattern: Int, text: Int)?
        while index < text.count {
            if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
                star = (position, index)
                position += 1
            } else if position < pattern.count,
                pattern[position] == UInt8(ascii: "?") || pattern[position] == text[index]
            {
                position += 1
                index += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                position = last.pattern + 1
                index = last.text + 1
            } else {
                return false
            }
        }
        return pattern[position...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
