internal import OpenSSHSyntax

/// The settings of `-o` options and ssh_config files, in the order in which they were read: the first value of a keyword
/// counts. `IdentityFile` and `CertificateFile` collect all.
struct SSHConfigValues {
    /// A value and where it stands.
    struct Value {
        /// The words; one for what is not taken apart.
        var words: [String]
        /// `path:line`, or `-o`.
        var location: String

        /// The words with a blank between them.
        var text: String { words.joined(separator: " ") }
    }

    private var values: [String: Value] = [:]
    /// The values of `IdentityFile`, each once.
    private(set) var identityFiles: [Value] = []
    /// The values of `CertificateFile`, each once.
    private(set) var certificateFiles: [Value] = []

    /// The first value given to a keyword; by the manual's name in lower case.
    subscript(keyword: String) -> Value? { values[keyword] }

    /// Takes a value, unless there is one.
    mutating func set(_ keyword: String, _ value: Value) {
        let keyword = keyword.lowercased()
        switch keyword {
        case "identityfile":
            if !identityFiles.contains(where: { $0.words == value.words }) { identityFiles.append(value) }
            return
        case "certificatefile":
            if !certificateFiles.contains(where: { $0.words == value.words }) { certificateFiles.append(value) }
            return
        // Whichever stands first wins, but "ProxyJump none" leaves the way to a command.
        case "proxycommand":
            if let jump = values["proxyjump"], jump.text.lowercased() != "none" { return }
        case "proxyjump":
            if values["proxycommand"] != nil { return }
        default: break
        }
        if values[keyword] == nil { values[keyword] = value }
    }

    /// `keyword words (place)` of each value, for a person.
    var lines: [String] {
        let all =
            values.map { (keyword: $0.key, value: $0.value) }.sorted { $0.keyword < $1.keyword }
            + identityFiles.map { (keyword: "identityfile", value: $0) }
            + certificateFiles.map { (keyword: "certificatefile", value: $0) }
        return all.map { "\($0.keyword) \($0.value.text) (\($0.value.location))" }
    }

    /// True if `IgnoreUnknown` names the keyword.
    func ignoresUnknown(_ keyword: String) -> Bool {
        guard let patterns = values["ignoreunknown"]?.text.lowercased() else { return false }
        return PatternList(commaSeparated: patterns).verdict(on: keyword.lowercased()) == .matches
    }
}
