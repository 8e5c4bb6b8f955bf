/// Why a word is no value of its kind.
public struct ValueProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, as a sentence without full stop.
    public var reason: String
    /// What to write instead.
    public var hint: String?

    /// A reason, and perhaps what to write instead.
    public init(_ reason: String, hint: String? = nil) {
        self.reason = reason
        self.hint = hint
    }

    /// The reason, then the hint.
    public var description: String {
        hint.map { "\(reason); \($0)" } ?? reason
    }
}
