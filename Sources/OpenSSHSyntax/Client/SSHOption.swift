/// One `-o OPTION=VALUE` of the client: a setting of ssh_config(5). `OPTION VALUE` is the same.
public struct SSHOption: ConfigurationValue {
    /// The keyword as the manual of ssh_config spells it.
    public let name: String
    /// Its value: the words without quotation marks, a blank between them; a command as it was written.
    public let value: String
    /// The words of the value.
    public let words: [String]
    /// The text that is read back to an equal value.
    public let description: String

    /// How a synopsis calls it.
    public static var placeholder: String { "OPTION=VALUE" }

    /// An option whose value is one word, whatever is in it: what a letter such as `-B` stands for.
    ///
    /// - Throws: what is wrong with the value.
    public init(_ keyword: String, word: String) throws(ValueProblem) {
        let escaped = word.parts(at: "\\").joined(separator: "\\\\").parts(at: "\"").joined(separator: "\\\"")
        try self.init(parsing: "\(keyword)=\"\(escaped)\"")
    }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text, or that the option is not done here.
    public init(parsing text: String) throws(ValueProblem) {
        guard let line = try SSHConfigLine(text), !line.words.isEmpty else {
            throw ValueProblem("\"\(text)\" is not OPTION=VALUE", hint: "write for example StrictHostKeyChecking=yes")
        }
        guard let keyword = SSHConfigKeyword.named(line.keyword) else {
            throw ValueProblem("unknown option \(line.keyword)", hint: SSHConfigKeyword.hint(for: line.keyword))
        }
        name = keyword.name
        description = text
        switch keyword.treatment {
        case .structure: throw ValueProblem("\(name) belongs into a configuration file", hint: "name that with -F")
        case .ignored: words = line.words
        case .refused(let reason, let harmless):
            words = line.words
            guard words.count == 1, harmless.contains(words[0].lowercased()) else {
                throw ValueProblem("\(name) \(line.rest): \(reason)")
            }
        case .obeyed(let syntax):
            words = line.words(for: syntax)
            do throws(ValueProblem) { try syntax.check(words) } catch {
                throw ValueProblem("\(name)=\(line.rest): \(error.reason)", hint: error.hint)
            }
        }
        value = words.joined(separator: " ")
    }
}
