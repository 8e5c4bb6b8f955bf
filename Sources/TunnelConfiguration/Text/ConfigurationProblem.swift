/// One thing that is wrong in a configuration, with the place where a person finds it.
///
/// A plain value, free to cross threads.
public struct ConfigurationProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named to the program or found by `Include`; `command line` for a `-o` option.
    public var file: String
    /// The line, from 1. 0 when the whole file is meant, or a setting that no line made.
    public var line: Int
    /// The column of the word that is meant, from 1, in characters. 0 when the whole line is meant.
    public var column: Int
    /// The keyword as it is spelt in the manual (an unknown one as it was written); nil when the line has none.
    public var keyword: String?
    /// What is wrong, as a sentence without full stop.
    public var reason: String
    /// What to do about it, or the nearest word that exists.
    public var hint: String?

    /// A problem at a place.
    public init(
        file: String,
        line: Int = 0,
        column: Int = 0,
        keyword: String? = nil,
        reason: String,
        hint: String? = nil
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.keyword = keyword
        self.reason = reason
        self.hint = hint
    }

    /// `file:line:column: Keyword: reason; hint`, the form that editors can jump to.
    public var description: String {
        var text = file
        if line > 0 { text += ":\(line)" }
        if line > 0, column > 0 { text += ":\(column)" }
        text += ": "
        if let keyword { text += "\(keyword): " }
        text += reason
        if let hint { text += "; \(hint)" }
        return text
    }
}

/// All problems of a configuration: those of its lines in reading order, then contradictions between them. Never empty.
public struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
    /// The problems, in the order in which they were met.
    public var problems: [ConfigurationProblem]

    /// A list of problems.
    public init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    /// One problem per line.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
