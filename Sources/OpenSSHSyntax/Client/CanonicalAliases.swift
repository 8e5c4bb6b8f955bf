/// The value of `CanonicalizePermittedCNAMEs`: which names DNS may replace, and by which.
public struct CanonicalAliases: Hashable, Sendable {
    private struct Rule: Hashable {
        var sources: PatternList
        var targets: PatternList
    }

    private let rules: [Rule]

    /// No name may be replaced.
    public static let none = CanonicalAliases(rules: [])

    /// OpenSSH's own limit.
    private static let limit = 32

    /// True for `none`.
    public var isEmpty: Bool { rules.isEmpty }

    /// Reads the words of the line, each `PATTERNS:PATTERNS` or `*`.
    ///
    /// - Throws: what is wrong with them.
    public init(_ words: [String]) throws(ValueProblem) {
        let isNone = { (word: String) in word.lowercased() == "none" }
        guard words.count == 1 || !words.contains(where: isNone) else { throw ValueProblem("none has to stand alone") }
        guard words.count <= Self.limit else { throw ValueProblem("\(words.count) rules are too many") }
        var rules: [Rule] = []
        for word in words where !isNone(word) {
            let parts = (word == "*" ? "*:*" : word.lowercased()).parts(at: ":", maxSplits: 1)
            guard parts.count == 2, !parts[1].isEmpty else {
                throw ValueProblem("\"\(word)\" is no rule", hint: "write for example *.a.example:*.b.example")
            }
            rules.append(
                Rule(sources: PatternList(commaSeparated: parts[0]), targets: PatternList(commaSeparated: parts[1]))
            )
        }
        self.rules = rules
    }

    private init(rules: [Rule]) { self.rules = rules }

    /// True if one name may stand for the other; both in lower case.
    public func permit(_ name: String, _ canonical: String) -> Bool {
        rules.contains { $0.sources.verdict(on: name) == .matches && $0.targets.verdict(on: canonical) == .matches }
    }
}
