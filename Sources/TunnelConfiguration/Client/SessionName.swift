/// What tells several sessions of one key apart.
///
/// A name is 128 bits, said to the server as 32 hexadecimal digits. Any other text stands for the digits that it is
/// hashed to, so that people can use words. The hash need not be secret or strong: a session belongs to a user and a
/// key, and nobody can resume it by its name alone.
public struct SessionName: ConfigurationValue {
    /// The 32 digits, in lower case.
    public let description: String

    /// How a synopsis calls it.
    public static var placeholder: String { "NAME" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        guard (1...255).contains(text.utf8.count) else { throw ValueProblem("a session name has 1 to 255 bytes") }
        let isHex = text.utf8.count == 32 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
        description = isHex ? text.lowercased() : Self.digits(of: Self.hash(text))
    }

    /// FNV-1a with 128 bits.
    private static func hash(_ text: String) -> UInt128 {
        let prime: UInt128 = (1 << 88) + 0x13b
        return text.utf8.reduce(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d) { ($0 ^ UInt128($1)) &* prime }
    }

    private static func digits(of number: UInt128) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 32 - text.count) + text
    }
}
