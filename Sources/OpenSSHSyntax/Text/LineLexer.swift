/// One word of a line: a keyword or an argument, unquoted.
public struct Word: Hashable, Sendable {
    /// What was written, without quotes and escapes.
    public var text: String
    /// Where it starts, from 1, in characters.
    public var column: Int

    /// A word and its place.
    public init(text: String, column: Int) {
        self.text = text
        self.column = column
    }
}

/// Cuts one line into words by the rules of `sshd_config` and `ssh_config`.
///
/// `Keyword value …`, `Keyword=value` and `Keyword = value` mean the same. Words are separated by blanks; single or
/// double quotes keep blanks and `#` together; a backslash escapes a quote, another backslash or, outside quotes, a
/// blank. A `#` at the start of a word begins a comment. Does no I/O.
public struct LineLexer {
    /// Why a line cannot be cut into words.
    public struct Failure: Error, Hashable {
        /// What is wrong, as a sentence without full stop.
        public var reason: String
        /// Where, from 1, in characters.
        public var column: Int

        /// A reason and its place.
        public init(reason: String, column: Int) {
            self.reason = reason
            self.column = column
        }
    }

    private let characters: [Unicode.Scalar]
    private var index = 0

    private init(_ line: String) {
        characters = Array(line.unicodeScalars)
    }

    /// The keyword and the arguments of a line; nil for a blank line or a comment.
    ///
    /// - Throws: why the line cannot be cut.
    public static func split(_ line: String) throws(Failure) -> (keyword: Word, arguments: [Word])? {
        var lexer = LineLexer(line)
        lexer.skipBlanks()
        guard let first = lexer.peek, first != "#" else { return nil }
        if let control = lexer.characters.firstIndex(where: { $0.value < 0x20 && !Self.isBlank($0) }) {
            throw Failure(reason: "the line holds a control character", column: control + 1)
        }
        let keyword = lexer.takeKeyword()
        guard !keyword.text.isEmpty else {
            throw Failure(reason: "the line does not begin with a keyword", column: keyword.column)
        }
        lexer.skipSeparator()
        var arguments: [Word] = []
        while let argument = try lexer.nextArgument() { arguments.append(argument) }
        return (keyword, arguments)
    }

    private var peek: Unicode.Scalar? { index < characters.count ? characters[index] : nil }

    private static func isBlank(_ character: Unicode.Scalar) -> Bool {
        character == " " || character == "\t" || character == "\r"
    }

    private mutating func skipBlanks() {
        while let next = peek, Self.isBlank(next) { index += 1 }
    }

    private mutating func takeKeyword() -> Word {
        let start = index
        while let next = peek, !Self.isBlank(next), next != "=", next != "\"" { index += 1 }
        return Word(text: Self.text(characters[start..<index]), column: start + 1)
    }

    /// Blanks with at most one equals sign among them; a second one belongs to the value.
    private mutating func skipSeparator() {
        skipBlanks()
        guard peek == "=" else { return }
        index += 1
        skipBlanks()
    }

    private mutating func nextArgument() throws(Failure) -> Word? {
        skipBlanks()
        guard let first = peek, first != "#" else { return nil }
        let start = index
        var word: [Unicode.Scalar] = []
        var quote: (mark: Unicode.Scalar, column: Int)?
        while let next = peek {
            if quote == nil, Self.isBlank(next) { break }
            index += 1
            if let open = quote, next == open.mark {
                quote = nil
            } else if quote == nil, next == "\"" || next == "'" {
                quote = (next, index)
            } else if next == "\\", let escaped = peek, Self.isEscapable(escaped, quoted: quote != nil) {
                word.append(escaped)
                index += 1
            } else {
                word.append(next)
            }
        }
        if let quote { throw Failure(reason: "a quotation mark is never closed", column: quote.column) }
        return Word(text: Self.text(word[...]), column: start + 1)
    }

    private static func isEscapable(_ character: Unicode.Scalar, quoted: Bool) -> Bool {
        character == "\\" || character == "\"" || character == "'" || (!quoted && character == " ")
    }

    private static func text(_ characters: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: characters)
        return String(view)
    }
}
