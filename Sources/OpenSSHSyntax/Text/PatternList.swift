/// Patterns with negation, as OpenSSH lists them: `*.example.com,!secret.example.com`.
public struct PatternList: Hashable, Sendable {
    /// What a list says about a text.
    public enum Verdict: Sendable {
        /// Some pattern fits, and no negated one.
        case matches
        /// A negated pattern fits: what the others say does not count.
        case excluded
        /// No pattern fits.
        case none
    }

    /// The patterns in their order; `!` in front negates.
    public var patterns: [String]

    /// Patterns that are separate words already.
    public init(_ patterns: [String]) {
        self.patterns = patterns
    }

    /// Patterns with commas between them.
    public init(commaSeparated text: some StringProtocol) {
        patterns = text.parts(at: ",", omittingEmpty: true).map(String.init)
    }

    /// Holds every pattern, without its `!`, against something.
    public func verdict(_ fits: (String) -> Bool) -> Verdict {
        var verdict = Verdict.none
        for pattern in patterns {
            let negated = pattern.rest(after: "!")
            guard fits(negated.map(String.init) ?? pattern) else { continue }
            if negated != nil { return .excluded }
            verdict = .matches
        }
        return verdict
    }

    /// Holds the patterns against a text, by wildcards; upper and lower case differ.
    public func verdict(on text: String) -> Verdict {
        verdict { Wildcard.matches($0, text) }
    }
}
