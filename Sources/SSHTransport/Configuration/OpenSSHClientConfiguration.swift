internal import Glibc

/// The settings of `ssh_config(5)` files that libssh parses without telling their values, or does not know.
///
/// libssh reads the same files for everything else. The first value of a keyword counts, as ever; `IdentityFile`
/// collects all. `Match` blocks count with `all`, `host`, `originalhost`, `user` and `localuser`; a block with any
/// other criterion (`exec` runs commands) is left out here.
struct OpenSSHClientConfiguration {
    /// Who connects where: what `Host` and `Match` are held against.
    struct Target {
        var alias: String
        var user: String?
    }

    private(set) var identityFiles: [String] = []
    private var values: [String: (value: String, location: String)] = [:]

    /// The first value given to a keyword, whatever its case.
    subscript(keyword: String) -> String? { values[keyword.lowercased()]?.value }

    /// Where that value stands, as `path:line`.
    func location(of keyword: String) -> String? { values[keyword.lowercased()]?.location }

    /// Reads a file, and what it includes. A file that cannot be opened has no settings.
    mutating func read(_ file: String, for target: Target) {
        var reader = Reader(target: target, configuration: self)
        reader.read(file, depth: 0)
        self = reader.configuration
    }

    fileprivate mutating func set(_ keyword: String, _ arguments: [String], at location: String) {
        guard let first = arguments.first else { return }
        if keyword == "identityfile" {
            identityFiles.append(first)
        } else if values[keyword] == nil, SSHClientOption(name: keyword)?.rival.flatMap({ self[$0.rawValue] }) == nil {
            // Lists of files and jump hosts: the words as they were, joined by a blank.
            values[keyword] = (arguments.joined(separator: " "), location)
        }
    }
}

private struct Reader {
    let target: OpenSSHClientConfiguration.Target
    var configuration: OpenSSHClientConfiguration
    /// OpenSSH's own limit: a file that includes itself ends somewhere.
    private static let depthLimit = 16

    init(target: OpenSSHClientConfiguration.Target, configuration: OpenSSHClientConfiguration) {
        self.target = target
        self.configuration = configuration
    }

    mutating func read(_ file: String, depth: Int) {
        guard depth <= Self.depthLimit, let text = try? AuthorizedKeysFile.read(file, owner: nil) else { return }
        var isActive = true
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            var words = Self.words(of: Substring(line))
            guard !words.isEmpty else { continue }
            let keyword = words.removeFirst().lowercased()
            switch keyword {
            case "host": isActive = Self.matches(target.alias, words)
            case "match": isActive = matches(words)
            case "include":
                guard isActive else { continue }
                let base = file.hasPrefix("/etc/") ? "/etc/ssh/" : SSHClientPath.home + "/.ssh/"
                for pattern in words { include(SSHClientPath.expand(pattern), base: base, depth: depth) }
            default:
                if isActive { configuration.set(keyword, words, at: "\(file):\(index + 1)") }
            }
        }
    }

    private mutating func include(_ pattern: String, base: String, depth: Int) {
        for file in SSHClientPath.glob(pattern.hasPrefix("/") ? pattern : base + pattern) {
            read(file, depth: depth + 1)
        }
    }

    // MARK: Conditions

    private func matches(_ criteria: [String]) -> Bool {
        var criteria = criteria[...]
        while let criterion = criteria.popFirst()?.lowercased() {
            if criterion == "all" { continue }
            guard let argument = criteria.popFirst() else { return false }
            let patterns = argument.split(separator: ",").map(String.init)
            switch criterion {
            case "host":
                guard Self.matches(configuration["hostname"] ?? target.alias, patterns) else { return false }
            case "originalhost":
                guard Self.matches(target.alias, patterns) else { return false }
            case "user":
                let user = target.user ?? configuration["user"] ?? SSHClientPath.userName
                guard Self.matches(user, patterns) else { return false }
            case "localuser":
                guard Self.matches(SSHClientPath.userName, patterns) else { return false }
            default: return false
            }
        }
        return true
    }

    private static func matches(_ text: String, _ patterns: [String]) -> Bool {
        var isMatched = false
        let text = Array(text.lowercased().utf8)
        for pattern in patterns {
            let isNegated = pattern.hasPrefix("!")
            let pattern = pattern.dropFirst(isNegated ? 1 : 0).lowercased()
            guard AuthorizedKeysSource.wildcard(Array(pattern.utf8), matches: text) else { continue }
            if isNegated { return false }
            isMatched = true
        }
        return isMatched
    }

    // MARK: Words

    /// A keyword and its arguments: blanks separate, one `=` may follow the keyword, quotes keep blanks, a word that
    /// opens with `#` ends the line.
    private static func words(of line: Substring) -> [String] {
        var words: [String] = []
        var rest = line.drop(while: \.isWhitespace)
        while let first = rest.first, first != "#" {
            var word: Substring
            if first == "\"" {
                word = rest.dropFirst().prefix(while: { $0 != "\"" })
                rest = rest.dropFirst(word.count + 2)
            } else {
                let isKeyword = words.isEmpty
                word = rest.prefix(while: { !$0.isWhitespace && !(isKeyword && $0 == "=") })
                rest = rest.dropFirst(word.count)
            }
            words.append(String(word))
            rest = rest.drop(while: \.isWhitespace)
            if words.count == 1, rest.hasPrefix("=") { rest = rest.dropFirst().drop(while: \.isWhitespace) }
        }
        return words
    }
}
