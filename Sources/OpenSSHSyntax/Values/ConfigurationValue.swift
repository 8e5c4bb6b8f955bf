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

/// A value that is one of a few words; upper and lower case are the same.
public protocol ConfigurationChoice: ConfigurationValue, CaseIterable, RawRepresentable where RawValue == String {}

extension ConfigurationChoice {
    /// The words, separated by bars.
    public static var placeholder: String { allCases.map(\.rawValue).joined(separator: "|") }

    /// Reads one of the words.
    public init(parsing text: String) throws(ValueProblem) {
        guard let value = Self.allCases.first(where: { $0.rawValue.lowercased() == text.lowercased() }) else {
            let words = Self.allCases.map(\.rawValue)
            throw ValueProblem(
                "\"\(text)\" is not one of \(words.joined(separator: ", "))",
                hint: NearestWord.hint(text, among: words)
            )
        }
        self = value
    }

    /// The word.
    public var description: String { rawValue }
}
