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

/// A value that one word of a configuration file or of a command line says.
///
/// `description` is a form that `init(parsing:)` reads back to an equal value.
public protocol ConfigurationValue: Hashable, Sendable, CustomStringConvertible {
    /// How the value is called in a synopsis.
    static var placeholder: String { get }
    /// Reads the value.
    ///
    /// - Throws: what is wrong with the text.
    init(parsing text: String) throws(ValueProblem)
}

/// Reads whole decimal numbers; signs, blanks and other digits than 0 to 9 are none.
func wholeNumber<Number: FixedWidthInteger>(_ text: some StringProtocol, as type: Number.Type = Number.self) -> Number?
{
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
        return nil
    }
    return Number(text)
}
