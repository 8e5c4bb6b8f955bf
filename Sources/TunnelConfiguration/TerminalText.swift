/// Text of strangers on its way to a terminal or a log.
public enum TerminalText {
    /// `text` with every character written out that could move a cursor, hide a word or turn the order of a line around:
    /// controls of both sets (ISO 6429), and what Unicode calls format and separator characters. Lines and tabs stay.
    ///
    /// The form is that of JSON strings (RFC 8259 §7), so JSON stays JSON and means the same.
    public static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isDangerous) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            guard isDangerous(scalar) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }

    private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control: scalar != "\n" && scalar != "\t"
        case .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
