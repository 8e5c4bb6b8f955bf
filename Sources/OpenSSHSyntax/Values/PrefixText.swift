public import IPPacket

/// Prefixes in text: `192.0.2.0/24`, `2001:db8::/32`, or an address for itself alone.
public enum PrefixText {
    /// Reads a prefix. One with bits set behind its length is refused: it does not mean what it seems to.
    ///
    /// - Throws: what is wrong with the text: also for a length with a leading zero, a mapped IPv4 address and a zone, which
    ///   no packet could match.
    public static func parse(_ text: String) throws(ValueProblem) -> IPPrefix {
        let address = text.parts(at: "/", maxSplits: 1).first
        guard let prefix = IPPrefix(text), let address = address.flatMap({ IPAddress(String($0)) }) else {
            throw ValueProblem(
                "\"\(text)\" is not a network prefix",
                hint: "write for example 192.0.2.0/24 or 2001:db8::/32"
            )
        }
        guard address == prefix.network else {
            throw ValueProblem("\(text) has bits set behind its length", hint: "did you mean \(prefix)?")
        }
        return prefix
    }
}
