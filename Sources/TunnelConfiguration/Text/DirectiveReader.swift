internal import OpenSSHSyntax

/// Reads a file, and what it includes, into directives in reading order.
///
/// Goes on after a bad line, so that all bad lines are reported together. Used by one caller at a time.
struct DirectiveReader {
    /// As in sshd. A file that includes itself ends here, too.
    static let deepestInclude = 16
    /// A pattern that includes its own directory multiplies at each level: this bounds the product.
    static let mostFiles = 256

    let source: any ConfigurationSource
    /// What was read so far, in reading order, and what was wrong with it.
    private(set) var lines: [Result<Directive, ConfigurationProblem>] = []
    private var filesRead = 0

    init(source: any ConfigurationSource) {
        self.source = source
    }

    /// Adds the settings given on the command line, each in the form of one line. The first one set wins, so these go first.
    mutating func readOptions(_ options: [String]) {
        for option in options { readLine(option, file: "command line", line: 0, depth: 0) }
    }

    /// Adds a file. One that cannot be read is a problem.
    mutating func readFile(_ path: String) {
        readFile(path, at: ConfigurationProblem(file: path, reason: ""), depth: 0)
    }

    /// Adds the text of a file that was read already.
    mutating func readText(_ bytes: [UInt8], file: String, depth: Int = 0) {
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard let text = String(validating: line, as: UTF8.self) else {
                lines.append(
                    .failure(ConfigurationProblem(file: file, line: index + 1, reason: "the line is not UTF-8 text"))
                )
                continue
            }
            readLine(text, file: file, line: index + 1, depth: depth)
        }
    }

    private mutating func readFile(_ path: String, at place: ConfigurationProblem, depth: Int) {
        filesRead += 1
        guard filesRead <= Self.mostFiles else {
            if filesRead == Self.mostFiles + 1 { report("more than \(Self.mostFiles) files are included", at: place) }
            return
        }
        do throws(ConfigurationReadError) {
            readText(try source.contents(of: path), file: path, depth: depth)
        } catch {
            let isIncluded = depth > 0
            report(
                isIncluded ? "\(path) \(error.reason)" : error.reason,
                at: place,
                hint: isIncluded ? nil : error.hint
            )
        }
    }

    private mutating func readLine(_ text: String, file: String, line: Int, depth: Int) {
        do throws(LineLexer.Failure) {
            guard let (keyword, arguments) = try LineLexer.split(text) else { return }
            let directive = Directive(file: file, line: line, keyword: keyword, arguments: arguments)
            if keyword.text.lowercased() == "include" {
                include(directive, depth: depth + 1)
            } else {
                lines.append(.success(directive))
            }
        } catch {
            report(error.reason, at: ConfigurationProblem(file: file, line: line, column: error.column, reason: ""))
        }
    }

    private mutating func include(_ directive: Directive, depth: Int) {
        var place = ConfigurationProblem(
            file: directive.file,
            line: directive.line,
            column: directive.keyword.column,
            keyword: "Include",
            reason: ""
        )
        guard !directive.arguments.isEmpty else { return report("needs at least one file", at: place) }
        guard depth <= Self.deepestInclude else {
            return report("files include each other more than \(Self.deepestInclude) deep", at: place)
        }
        for argument in directive.arguments {
            place.column = argument.column
            let path = Self.resolve(argument.text, from: directive.file)
            guard path.hasByte(of: "*?[") else {
                readFile(path, at: place, depth: depth)
                continue
            }
            // A pattern that matches nothing is an empty directory of drop-ins, not a mistake.
            for match in source.paths(matching: path) { readFile(match, at: place, depth: depth) }
        }
    }

    /// A relative name lies beside the file that includes it.
    private static func resolve(_ path: String, from file: String) -> String {
        guard !path.begins(with: "/"), let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return file[...slash] + path
    }

    private mutating func report(_ reason: String, at place: ConfigurationProblem, hint: String? = nil) {
        var problem = place
        problem.reason = reason
        problem.hint = hint
        lines.append(.failure(problem))
    }
}
