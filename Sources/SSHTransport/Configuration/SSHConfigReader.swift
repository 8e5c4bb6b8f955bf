internal import OpenSSHSyntax

/// Reads ssh_config files as `ssh` does: what applies to a host is added to `values`.
///
/// The one reader of these files: the SSH library gets values only. Errors of every line are told, also of those that do
/// not apply, as with `ssh`. Runs the commands of `Match exec` through its source. Used by one thread.
struct SSHConfigReader {
    /// The user and the host that a connection is read for.
    struct Target {
        /// The host as the command line names it.
        var alias: String
        /// The host's own name, once it is known: the files are then read a second time, for `Match final` and by `Host`.
        var finalHost: String?
    }

    /// OpenSSH's own limit: a file that includes itself ends somewhere.
    private static let depthLimit = 16
    /// A pattern that includes its own directory multiplies at each level: this bounds the product.
    private static let fileLimit = 256

    let target: Target
    var values: SSHConfigValues
    /// True if some block asks for a second reading.
    private(set) var wantsFinalPass = false
    private var filesRead = 0
    private let source: any SSHConfigSource

    init(target: Target, values: SSHConfigValues, source: any SSHConfigSource = HostConfigSource()) {
        self.target = target
        self.values = values
        self.source = source
    }

    /// Which rules hold for a file.
    struct Kind {
        /// A relative name of `Include` is below this directory.
        var base: String
        /// True if others must not be able to write the file.
        var isPrivate: Bool
        /// True if it is an error when the file is missing.
        var isRequired: Bool
    }

    /// Reads a file, and what it includes.
    ///
    /// - Throws: `SSHClientError` of kind `configuration`, with file and line.
    mutating func read(_ file: String, _ kind: Kind) throws(SSHClientError) {
        try read(file, kind, depth: 0)
    }

    private mutating func read(_ file: String, _ kind: Kind, depth: Int) throws(SSHClientError) {
        filesRead += 1
        guard depth <= Self.depthLimit, filesRead <= Self.fileLimit else {
            throw SSHClientError(.configuration, "\(file): files include each other without end")
        }
        let text: String
        do throws(AuthorizedKeysFileError) {
            text = try source.contents(of: file, isPrivate: kind.isPrivate)
        } catch {
            if error.isMissing, !kind.isRequired { return }
            throw SSHClientError(.configuration, "\(error)")
        }
        var isActive = true
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            let location = "\(file):\(index + 1)"
            do throws(ValueProblem) {
                guard let line = try SSHConfigLine(String(Substring(line))) else { continue }
                try apply(line, at: location, isActive: &isActive)
                guard isActive, line.keyword.lowercased() == "include" else { continue }
                for pattern in line.words { try include(pattern, kind, depth: depth, at: location) }
            } catch {
                throw SSHClientError(.configuration, "\(location): \(error)")
            }
        }
    }

    private mutating func apply(
        _ line: SSHConfigLine,
        at location: String,
        isActive: inout Bool
    ) throws(ValueProblem) {
        guard let keyword = SSHConfigKeyword.named(line.keyword) else {
            if values.ignoresUnknown(line.keyword) { return }
            throw ValueProblem("unknown keyword \(line.keyword)", hint: SSHConfigKeyword.hint(for: line.keyword))
        }
        guard !line.words.isEmpty else { throw ValueProblem("\(keyword.name): a value is missing") }
        switch keyword.treatment {
        case .structure:
            switch keyword.name {
            // As with ssh, whose second reading is by the host's own name.
            case "Host": isActive = PatternList(line.words).verdict(on: target.finalHost ?? target.alias) == .matches
            case "Match": isActive = try match(line.rest)
            default: break
            }
        case .ignored: break
        case .refused(let reason, let harmless):
            let isHarmless = line.words.count == 1 && harmless.contains(line.words[0].lowercased())
            guard !isActive || isHarmless else { throw ValueProblem("\(keyword.name): \(reason)") }
        case .obeyed(let syntax):
            let words = line.words(for: syntax)
            do throws(ValueProblem) { try syntax.check(words) } catch {
                throw ValueProblem("\(keyword.name): \(error.reason)", hint: error.hint)
            }
            if isActive { values.set(keyword.name, .init(words: words, location: location)) }
        }
    }

    // MARK: Include

    private mutating func include(
        _ pattern: String,
        _ kind: Kind,
        depth: Int,
        at location: String
    ) throws(ValueProblem) {
        let path = try SSHTokens.expandTilde(pattern, home: source.home)
        var included = kind
        included.isRequired = false
        for file in source.paths(matching: path.begins(with: "/") ? path : kind.base + path) {
            do throws(SSHClientError) {
                try read(file, included, depth: depth + 1)
            } catch {
                // The place in the included file is what a person has to see; the way there is in the files.
                throw ValueProblem(error.reason)
            }
        }
    }

    // MARK: Match

    private mutating func match(_ text: String) throws(ValueProblem) -> Bool {
        var matcher = SSHConfigMatch(target: target, values: values, source: source)
        let isMatched = try matcher.evaluate(text)
        if matcher.wantsFinalPass { wantsFinalPass = true }
        return isMatched
    }
}
