/// The value of `CanonicalDomains`: where a name of few words is looked for.
public struct CanonicalDomains: Hashable, Sendable {
    /// The domains in their order, in lower case; empty for `none`.
    public let domains: [String]

    /// OpenSSH's own limit.
    private static let limit = 32

    /// Reads the words of the line.
    ///
    /// - Throws: what is wrong with them.
    public init(_ words: [String]) throws(ValueProblem) {
        let isNone = { (word: String) in word.lowercased() == "none" }
        guard words.count == 1 || !words.contains(where: isNone) else { throw ValueProblem("none has to stand alone") }
        guard words.count <= Self.limit else { throw ValueProblem("\(words.count) domains are too many") }
        var domains: [String] = []
        for word in words where !isNone(word) {
            guard let domain = Self.name(word) else { throw ValueProblem("\"\(word)\" is not a domain") }
            domains.append(domain)
        }
        self.domains = domains
    }

    /// A name as DNS has it, in lower case and without the dot at its end; nil for what is none.
    public static func name(_ text: String) -> String? {
        var name = text.lowercased()
        let isFirst = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = name.utf8.first, isFirst(first), !name.contains(".."),
            name.utf8.allSatisfy({
                isFirst($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            })
        else { return nil }
        if let bare = name.rest(before: ".") { name = String(bare) }
        return name
    }
}
