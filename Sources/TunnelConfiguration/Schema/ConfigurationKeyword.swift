internal import OpenSSHSyntax

/// One keyword of `packet-tunneld.conf`: its row in the table from which the parser, the error hints, the example file
/// and the check of the manual are made.
public struct ConfigurationKeyword: Sendable {
    /// The chapters of the example file and the manual.
    public enum Chapter: String, CaseIterable, Sendable {
        /// The SSH server.
        case ssh = "SSH server"
        /// Addresses and the tun device.
        case network = "Addresses and device"
        /// What clients may do.
        case traffic = "Sessions and traffic"
        /// The process.
        case daemon = "The daemon itself"
    }

    /// The keyword as the manual spells it; files may use any case.
    public let name: String
    /// Where the manual has it.
    public let chapter: Chapter
    /// Its arguments, in the notation of a synopsis.
    public let synopsis: String
    /// What it does, in whole sentences.
    public let help: String
    /// Further lines add to the first one; otherwise they are ignored.
    public let repeats: Bool
    /// The default as it would be written in a file; where there is an `example`, what an empty list means.
    public let defaultText: String
    /// A value to show for a keyword whose default is an empty list; nil for any other.
    public let example: String?

    /// Sets the value from the words of a line. `isFirst` is true for the first line with this keyword.
    let apply: @Sendable (inout DaemonConfiguration, [Word], _ isFirst: Bool) throws(WordProblem) -> Void
    /// The values of the lines that say what a configuration has.
    let values: @Sendable (DaemonConfiguration) -> [String]

    /// A keyword of which the first line counts.
    init<Value>(
        _ name: String,
        _ chapter: Chapter,
        _ path: any WritableKeyPath<DaemonConfiguration, Value> & Sendable,
        _ syntax: ValueSyntax<Value>,
        _ help: String
    ) {
        self.name = name
        self.chapter = chapter
        self.synopsis = syntax.synopsis
        self.help = help
        repeats = false
        defaultText = syntax.text(DaemonConfiguration()[keyPath: path])
        example = nil
        apply = { (configuration, words, isFirst) throws(WordProblem) in
            let value = try syntax.parse(words)
            if isFirst { configuration[keyPath: path] = value }
        }
        values = { [syntax.text($0[keyPath: path])] }
    }

    /// A keyword whose lines add up; the first one replaces the default.
    init<Value>(
        each name: String,
        _ chapter: Chapter,
        _ path: any WritableKeyPath<DaemonConfiguration, [Value]> & Sendable,
        _ syntax: ValueSyntax<Value>,
        severalPerLine: Bool = false,
        whenEmpty: String = "none",
        example: String? = nil,
        _ help: String
    ) {
        self.name = name
        self.chapter = chapter
        self.synopsis = severalPerLine ? syntax.synopsis + "..." : syntax.synopsis
        self.help = help
        repeats = true
        let defaults = DaemonConfiguration()[keyPath: path].map(syntax.text)
        defaultText = defaults.isEmpty ? whenEmpty : defaults.joined(separator: " ")
        self.example = example
        apply = { (configuration, words, isFirst) throws(WordProblem) in
            var values: [Value] = []
            if severalPerLine {
                for word in words { values.append(try syntax.parse([word])) }
            } else {
                values.append(try syntax.parse(words))
            }
            if isFirst { configuration[keyPath: path] = [] }
            configuration[keyPath: path] += values
        }
        values = { $0[keyPath: path].map(syntax.text) }
    }
}
