/// A configuration that was read, and what a person should know about it although it works.
public struct LoadedConfiguration: Equatable, Sendable {
    /// The settings; `validated()` has passed.
    public var configuration: DaemonConfiguration
    /// Lines without effect, because an earlier one said the same thing first; algorithms that the library does not have.
    public var notices: [ConfigurationProblem]
}

extension DaemonConfiguration {
    /// Reads and checks a configuration file and what it includes.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - options: settings that go before those of the file, each in the form of one of its lines.
    ///   - algorithms: what the SSH library can do; the rest is left out.
    /// - Throws: every problem of the file, not only the first.
    public static func load(
        _ path: String,
        options: [String] = [],
        algorithms: AlgorithmSupport = .everything
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        try load(path, options: options, algorithms: algorithms, source: DiskSource())
    }

    /// Reads and checks the text of a configuration file. Files that it includes are read from the disk.
    ///
    /// - Parameters:
    ///   - text: the text.
    ///   - name: what problems call it.
    public static func parse(
        _ text: String,
        named name: String = "configuration"
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        var reader = DirectiveReader(source: DiskSource())
        reader.readText(Array(text.utf8), file: name)
        return try interpret(reader, .everything, file: name)
    }

    static func load(
        _ path: String,
        options: [String] = [],
        algorithms: AlgorithmSupport = .everything,
        source: any ConfigurationSource
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        var reader = DirectiveReader(source: source)
        reader.readOptions(options)
        reader.readFile(path)
        return try interpret(reader, algorithms, file: path)
    }

    private static func interpret(
        _ reader: DirectiveReader,
        _ algorithms: AlgorithmSupport,
        file: String
    ) throws(ConfigurationProblems) -> LoadedConfiguration {
        var interpreter = DirectiveInterpreter(algorithms: algorithms)
        for line in reader.lines {
            switch line {
            case .success(let directive): interpreter.apply(directive)
            case .failure(let problem): interpreter.report(problem)
            }
        }
        return try interpreter.finish(file: file)
    }
}
