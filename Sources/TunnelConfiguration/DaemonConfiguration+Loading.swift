/// A configuration that was read, and what a person should know about it although it works.
public struct LoadedConfiguration: Equatable, Sendable {
    /// The settings; `validated()` has passed.
    public var configuration: DaemonConfiguration
    /// Lines without effect, because an earlier one said the same thing first.
    public var notices: [ConfigurationProblem]
}

extension DaemonConfiguration {
    /// Reads and checks a configuration file and what it includes.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - options: settings that go before those of the file, each in the form of one of its lines.
    /// - Throws: every problem of the file, not only the first.
    public static func load(
        _ path: String, options: [String] = []
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        try load(path, options: options, source: DiskSource())
    }

    /// Reads and checks the text of a configuration file. Files that it includes are read from the disk.
    ///
    /// - Parameters:
    ///   - text: the text.
    ///   - name: what problems call it.
    public static func parse(
        _ text: String, named name: String = "configuration"
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        var reader = DirectiveReader(source: DiskSource())
        reader.readText(Array(text.utf8), file: name)
        return try interpret(reader, file: name)
    }

    static func load(
        _ path: String, options: [String] = [], source: any ConfigurationSource
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        var reader = DirectiveReader(source: source)
        reader.readOptions(options)
        reader.readFile(path)
        return try interpret(reader, file: path)
    }

    private static func interpret(
        _ reader: DirectiveReader, file: String
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        var interpreter = DirectiveInterpreter(problems: reader.problems)
        for directive in reader.directives { interpreter.apply(directive) }
        return try interpreter.finish(file: file)
    }
}

/// Turns directives into a configuration. Goes on after a problem, so that all of them are reported together.
struct DirectiveInterpreter {
    private var configuration = DaemonConfiguration()
    private var problems: [ConfigurationProblem]
    private var notices: [ConfigurationProblem] = []
    /// Where each keyword was set first, by its name.
    private var places: [String: ConfigurationProblem] = [:]

    init(problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    /// Sets what one line says.
    mutating func apply(_ directive: Directive) {
        var place = ConfigurationProblem(
            file: directive.file, line: directive.line, column: directive.keyword.column,
            keyword: directive.keyword.text, reason: "")
        guard let row = KeywordTable.row(directive.keyword.text) else {
            return problems.append(Self.unknown(directive.keyword.text, at: place))
        }
        place.keyword = row.name
        guard !directive.arguments.isEmpty else {
            place.reason = "has no value"
            place.hint = "write \(row.name) \(row.synopsis)"
            return problems.append(place)
        }
        let first = places[row.name]
        do throws(WordProblem) {
            try row.apply(&configuration, directive.arguments, first == nil)
            places[row.name] = first ?? place
            if let first, !row.repeats { notices.append(Self.ignored(place, first: first)) }
        } catch {
            // A line that failed still counts as the first: what follows would not have been taken either.
            places[row.name] = first ?? place
            if error.column > 0 { place.column = error.column }
            place.reason = error.problem.reason
            place.hint = error.problem.hint
            problems.append(place)
        }
    }

    /// Checks the settings against each other.
    consuming func finish(file: String) throws(ConfigurationProblems) -> LoadedConfiguration {
        for contradiction in configuration.contradictions {
            var problem = places[contradiction.keyword] ?? ConfigurationProblem(file: file, reason: "")
            problem.keyword = contradiction.keyword
            problem.reason = contradiction.reason
            problem.hint = contradiction.hint
            problems.append(problem)
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
        return LoadedConfiguration(configuration: configuration, notices: notices)
    }

    private static func unknown(_ keyword: String, at place: ConfigurationProblem) -> ConfigurationProblem {
        var problem = place
        if let hint = ForeignKeywords.hint(keyword) {
            problem.reason = "is a keyword of sshd that packet-tunneld does not have"
            problem.hint = hint
        } else {
            problem.reason = "unknown keyword"
            problem.hint = NearestWord.hint(keyword, among: KeywordTable.names)
        }
        return problem
    }

    private static func ignored(_ place: ConfigurationProblem, first: ConfigurationProblem) -> ConfigurationProblem {
        var notice = place
        notice.reason = "has no effect; \(first.file)\(first.line > 0 ? ":\(first.line)" : "") set it first"
        return notice
    }
}
