import Testing

@testable import OpenSSHSyntax

@Suite struct LineLexerTests {
    @Test(
        "keyword and words are found however the line is spaced",
        arguments: [
            ("Keyword value", ["Keyword", "value"]),
            ("  Keyword\t value  ", ["Keyword", "value"]),
            ("Keyword=value", ["Keyword", "value"]),
            ("Keyword = value", ["Keyword", "value"]),
            ("Keyword =value", ["Keyword", "value"]),
            ("Keyword==value", ["Keyword", "=value"]),
            ("Keyword a=b", ["Keyword", "a=b"]),
            ("Keyword a b c", ["Keyword", "a", "b", "c"]),
            ("Keyword value\r", ["Keyword", "value"]),
            ("Keyword", ["Keyword"]),
            ("Keyword=", ["Keyword"]),
        ]
    )
    func spacing(line: String, words: [String]) throws {
        #expect(try split(line) == words)
    }

    @Test(
        "quotation marks and backslashes keep blanks and comment signs in a word",
        arguments: [
            (#"K "a b""#, ["K", "a b"]),
            (#"K 'a b'"#, ["K", "a b"]),
            (#"K "a # b" # c"#, ["K", "a # b"]),
            (#"K a"b c"d"#, ["K", "ab cd"]),
            (#"K "it's""#, ["K", "it's"]),
            (#"K "say \"x\"""#, ["K", #"say "x""#]),
            (#"K a\ b"#, ["K", "a b"]),
            (#"K a\\b"#, ["K", #"a\b"#]),
            (#"K a\nb"#, ["K", #"a\nb"#]),
            (#"K """#, ["K", ""]),
            (#"K="a b""#, ["K", "a b"]),
            (#"K"a b""#, ["K", "a b"]),
            ("K größer", ["K", "größer"]),
        ]
    )
    func quoting(line: String, words: [String]) throws {
        #expect(try split(line) == words)
    }

    @Test("comments and blank lines say nothing", arguments: ["", "   ", "\t\r", "# Keyword value", "  #"])
    func nothing(line: String) throws {
        #expect(try split(line) == nil)
    }

    @Test("a comment sign ends the line only at the start of a word")
    func commentInside() throws {
        #expect(try split("K a#b #c") == ["K", "a#b"])
    }

    @Test("words know their columns in characters")
    func columns() throws {
        let line = try #require(try LineLexer.split("  MTU = \"ü b\"  last"))
        #expect(line.keyword == Word(text: "MTU", column: 3))
        #expect(line.arguments == [Word(text: "ü b", column: 9), Word(text: "last", column: 16)])
    }

    @Test(
        "a line that cannot be cut says why and where",
        arguments: [
            ("K \"open", 3, "a quotation mark is never closed"),
            ("K a 'open", 5, "a quotation mark is never closed"),
            ("=value", 1, "the line does not begin with a keyword"),
            ("K a\u{0}b", 4, "the line holds a control character"),
        ]
    )
    func failures(line: String, column: Int, reason: String) {
        #expect(throws: LineLexer.Failure(reason: reason, column: column)) { try LineLexer.split(line) }
    }

    @Test("every word survives quoting", arguments: ["a", "a b", "#a", "=a", "'", "\"", "\\", "a\\ b", "", "ü\t!"])
    func quotingIsReversible(word: String) throws {
        #expect(try split("K \(quoted(word))") == ["K", word])
    }

    private func split(_ line: String) throws -> [String]? {
        guard let (keyword, arguments) = try LineLexer.split(line) else { return nil }
        return [keyword.text] + arguments.map(\.text)
    }
}
