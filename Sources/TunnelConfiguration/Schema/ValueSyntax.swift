internal import OpenSSHSyntax

/// Why the words behind a keyword are no value of it, and which word is meant.
struct WordProblem: Error {
    var problem: ValueProblem
    /// The column of the word; 0 for the whole line.
    var column: Int

    init(_ reason: String, hint: String? = nil, column: Int = 0) {
        problem = ValueProblem(reason, hint: hint)
        self.column = column
    }

    init(_ problem: ValueProblem, column: Int) {
        self.problem = problem
        self.column = column
    }
}

/// How the words behind a keyword become a value, and a value becomes words.
struct ValueSyntax<Value>: Sendable {
    /// The arguments as a manual shows them.
    let synopsis: String
    /// The value of at least one word.
    let parse: @Sendable ([Word]) throws(WordProblem) -> Value
    /// Words that are read back to an equal value.
    let text: @Sendable (Value) -> String

    /// A value of exactly one word.
    static func word(
        _ synopsis: String,
        text: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) throws(ValueProblem) -> Value
    ) -> ValueSyntax {
        ValueSyntax(synopsis: synopsis, parse: { (words) throws(WordProblem) in try one(words, parse) }, text: text)
    }

    /// A list of one word whose commas may have blanks beside them.
    static func commaList(
        _ synopsis: String,
        text: @escaping @Sendable (Value) -> String,
        parse: @escaping @Sendable (String) throws(ValueProblem) -> Value
    ) -> ValueSyntax {
        ValueSyntax(
            synopsis: synopsis,
            parse: { (words) throws(WordProblem) in
                let items = words.flatMap { word in
                    var item = word.text[...]
                    if word != words.last { item = item.rest(before: ",") ?? item }
                    if word != words.first { item = item.rest(after: ",") ?? item }
                    return item.isEmpty && words.count > 1 ? [] : [String(item)]
                }
                return try one([Word(text: items.joined(separator: ","), column: words[0].column)], parse)
            },
            text: text
        )
    }

    private static func one(
        _ words: [Word],
        _ parse: (String) throws(ValueProblem) -> Value
    ) throws(WordProblem) -> Value {
        if words.count > 1 {
            throw WordProblem("takes one value, and the line has \(words.count)", column: words[1].column)
        }
        do throws(ValueProblem) {
            return try parse(words[0].text)
        } catch {
            throw WordProblem(error, column: words[0].column)
        }
    }
}

extension ValueSyntax {
    /// The same, or one word that stands for nil.
    func optional(nilWord: String) -> ValueSyntax<Value?> where Value: Sendable {
        let (parse, text) = (parse, text)
        return ValueSyntax<Value?>(
            synopsis: "\(nilWord)|\(synopsis)",
            parse: { (words) throws(WordProblem) in
                words.count == 1 && words[0].text.lowercased() == nilWord ? nil : try parse(words)
            },
            text: { $0.map(text) ?? nilWord }
        )
    }

    /// The same, or 0 for `value`, as in the configuration of the original packet tunnel.
    func zero(means value: Value) -> ValueSyntax where Value: Sendable {
        let parse = parse
        return ValueSyntax(
            synopsis: synopsis,
            parse: { (words) throws(WordProblem) in
                words.count == 1 && words[0].text == "0" ? value : try parse(words)
            },
            text: text
        )
    }

    /// One or more of the same, each a word; or one word that stands for no element.
    func list(emptyWord: String) -> ValueSyntax<[Value]> where Value: Sendable {
        let (parse, text) = (parse, text)
        return ValueSyntax<[Value]>(
            synopsis: "\(emptyWord)|\(synopsis)...",
            parse: { (words) throws(WordProblem) in
                if words.count == 1, words[0].text.lowercased() == emptyWord { return [] }
                var values: [Value] = []
                for word in words { values.append(try parse([word])) }
                return values
            },
            text: { $0.isEmpty ? emptyWord : $0.map(text).joined(separator: " ") }
        )
    }
}

extension ValueSyntax where Value: ConfigurationValue {
    /// A value that knows its own text.
    static var value: ValueSyntax {
        .word(Value.placeholder, text: { quoted($0.description) }) { (text) throws(ValueProblem) in
            try Value(parsing: text)
        }
    }

    /// A value that knows its own text, which is a list with commas.
    static var commaSeparated: ValueSyntax {
        .commaList(Value.placeholder, text: { quoted($0.description) }) { (text) throws(ValueProblem) in
            try Value(parsing: text)
        }
    }
}
