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
        while let last = line.last, last.isWhitespace || last == "\u{c}" { line = line.dropLast() }
        do throws(LineLexer.Failure) {
            guard let (keyword, arguments) = try LineLexer.split(String(line)) else { return nil }
            self.keyword = keyword.text
            words = arguments.map(\.text)
        } catch {
            throw ValueProblem(error.reason)
        }
        let isBlank = { (character: Character) in character == " " || character == "\t" || character == "\r" }
        var rest = line.drop(while: isBlank).dropFirst(keyword.count).drop(while: isBlank)
        if rest.first == "=" { rest = rest.dropFirst().drop(while: isBlank) }
        self.rest = String(rest)
    }

    /// The words that a keyword takes: the rest as one for a command.
    public func words(for syntax: SSHConfigSyntax) -> [String] {
        syntax.isRestOfLine ? [rest] : words
    }
}
