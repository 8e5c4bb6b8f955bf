/// One setting of an ssh_config file, or of `-o`.
public struct SSHConfigLine: Hashable, Sendable {
    /// The keyword as it was written.
    public var keyword: String
    /// The words after it, unquoted.
    public var words: [String]
    /// What follows the keyword, as it was written: for commands, which a shell takes apart.
    public var rest: String

    /// Cuts a line into keyword and words.
    ///
    /// - Returns: nil for a blank line and a comment.
    /// - Throws: why the line cannot be cut.
    public init?(_ line: String) throws(ValueProblem) {
        var line = line[...]
        // A form feed is a blank at the end of a line, and nowhere else.
        while let last = line.utf8.last,
            Self.isBlank(last) || last == UInt8(ascii: "\u{c}") || last == UInt8(ascii: "\n")
        {
            line = Substring(line.utf8.dropLast())
        }
        do throws(LineLexer.Failure) {
            guard let (keyword, arguments) = try LineLexer.split(String(line)) else { return nil }
            self.keyword = keyword.text
            words = arguments.map(\.text)
        } catch {
            throw ValueProblem(error.reason)
        }
        var rest = line.utf8.drop(while: Self.isBlank).dropFirst(keyword.utf8.count).drop(while: Self.isBlank)
        if rest.first == UInt8(ascii: "=") { rest = rest.dropFirst().drop(while: Self.isBlank) }
        self.rest = String(Substring(rest))
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// The words that a keyword takes: the rest as one for a command.
    public func words(for syntax: SSHConfigSyntax) -> [String] {
        syntax.isRestOfLine ? [rest] : words
    }
}
