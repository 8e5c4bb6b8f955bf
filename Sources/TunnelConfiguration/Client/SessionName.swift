public import OpenSSHSyntax

/// What tells several sessions of one key apart: any word, or 32 hexadecimal digits that a client has drawn at random.
///
/// A session belongs to a user and a key, and nobody can resume it by its name alone; so two users may have the same
/// word. Digits are never the same by accident: a server refuses those of somebody else.
public struct SessionName: ConfigurationValue {
    /// The word as it is; digits in lower case.
    public let description: String

    /// How a synopsis calls it.
    public static var placeholder: String { "NAME" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        guard (1...255).contains(text.utf8.count), text.unicodeScalars.allSatisfy(Self.isPrintable) else {
            throw ValueProblem("a session name has 1 to 255 bytes, all of them printable")
        }
        let isHex = text.utf8.count == 32 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
        description = isHex ? text.lowercased() : text
    }

    /// Names are shown in logs and on terminals.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
