internal import OpenSSHSyntax

/// Turns directives into a configuration. Goes on after a problem, so that all of them are reported together.
struct DirectiveInterpreter {
    let algorithms: AlgorithmSupport
    private var configuration = DaemonConfiguration()
    private var problems: [ConfigurationProblem] = []
    private var notices: [ConfigurationProblem] = []
    /// Where each keyword was set first, by its name.
    private var places: [String: ConfigurationProblem] = [:]

    init(algorithms: AlgorithmSupport) {
        self.algorithms = algorithms
    }

    /// Adds a problem that came up earlier.
    mutating func report(_ problem: ConfigurationProblem) {
        problems.append(problem)
    }

    /// Sets what one line says.
    mutating func apply(_ directive: Directive) {
        var place = ConfigurationProblem(
            file: directive.file,
            line: directive.line,
            column: directive.keyword.column,
            keyword: directive.keyword.text,
            reason: ""
        )
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
            try check(row, directive.arguments)
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

    /// What the values of a line can be wrong about beside their form, whether the line has an effect or not.
    private func check(_ row: ConfigurationKeyword, _ words: [Word]) throws(WordProblem) {
        var line = DaemonConfiguration()
        try row.apply(&line, words, true)
        if let problem = line.algorithmProblem(row.name, algorithms) {
            throw WordProblem(problem, column: words[0].column)
        }
    }

    /// Checks the settings against each other. What they contradict comes last, at the line that set it.
    consuming func finish(file: String) throws(ConfigurationProblems) -> LoadedConfiguration {
        for contradiction in configuration.contradictions(algorithms) {
            var problem = places[contradiction.keyword] ?? ConfigurationProblem(file: file, reason: "")
            problem.keyword = contradiction.keyword
            problem.reason = contradiction.reason
            problem.hint = contradiction.hint
            problems.append(problem)
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems) }
        for (keyword, names) in configuration.keepAlgorithms(algorithms) {
            // A default that is not there is no news.
            guard var notice = places[keyword] else { continue }
            notice.reason = "\(names.joined(separator: ", ")) left out: \(algorithms.library) does not have it"
            notices.append(notice)
        }
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
