/// A domain with everything below it: `example.com` also means `www.example.com`.
public struct DomainName: ConfigurationValue {
    /// The name in lower case, without the dot at its end.
    public let description: String

    /// How a synopsis calls it.
    public static var placeholder: String { "DOMAIN" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        var name = text.lowercased()
        if let bare = name.rest(before: ".") { name = String(bare) }
        if name.begins(with: "*.") || name.begins(with: ".") {
            throw ValueProblem("\"\(text)\" is not a domain", hint: "the bare name means everything below it, too")
        }
        // RFC 1035 §2.3.4; underscores are no host names but do occur in queries.
        let labels = name.parts(at: ".")
        let isName =
            name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy { byte in
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    }
            }
        guard isName else {
            throw ValueProblem(
                "\"\(text)\" is not a domain",
                hint: "write for example example.com; xn--… for other letters"
            )
        }
        description = name
    }
}
