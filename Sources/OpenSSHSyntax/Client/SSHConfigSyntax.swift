/// How the value of a keyword of ssh_config(5) is written.
public enum SSHConfigSyntax: Sendable {
    /// `yes` or `no`.
    case flag
    /// One of these words, in any case.
    case choice([String])
    /// A whole number.
    case number(ClosedRange<Int>)
    /// A time such as `90` or `1m30s`, or `none`.
    case time
    /// A TCP port.
    case port
    /// One word.
    case word
    /// How congestion control is chosen.
    case congestionControl
    /// One word: a path, `none`, `SSH_AUTH_SOCK`, or `$NAME`.
    case agent
    /// Paths, or `none` alone.
    case files
    /// The rest of the line, as a shell takes it.
    case command
    /// `[user@]host[:port]` or `ssh://…`, several with commas, or `none`.
    case jump
    /// Names with commas; `+`, `-` or `^` in front.
    case algorithms
    /// A size, and perhaps a time.
    case rekeyLimit
    /// Domains, or `none` alone.
    case domains
    /// Rules `NAMES:NAMES`, or `none` alone.
    case aliases

    /// True if the words are not taken apart.
    public var isRestOfLine: Bool {
        switch self {
        case .command, .jump: true
        default: false
        }
    }

    /// What is wrong with a value.
    ///
    /// - Parameters:
    ///   - words: the words of the line after the keyword; the whole rest as one where `isRestOfLine` says so.
    /// - Throws: a reason that does not name the keyword.
    public func check(_ words: [String]) throws(ValueProblem) {
        guard let first = words.first, !first.isEmpty else { throw ValueProblem("a value is missing") }
        switch self {
        case .files:
            if words.count > 1, words.contains(where: { $0.lowercased() == "none" }) {
                throw ValueProblem("none has to stand alone")
            }
        case .rekeyLimit: _ = try SSHConfigRekeyLimit(words)
        case .domains: _ = try CanonicalDomains(words)
        case .aliases: _ = try CanonicalAliases(words)
        default:
            guard words.count == 1 else {
                throw ValueProblem("\"\(words[1])\" is too much", hint: "put quotes around a value with blanks")
            }
            try check(one: first)
        }
    }

    private func check(one word: String) throws(ValueProblem) {
        switch self {
        case .flag:
            if Self.flag(word) == nil { throw ValueProblem("\"\(word)\" is neither yes nor no") }
        case .choice(let words):
            guard !words.contains(where: { $0.lowercased() == word.lowercased() }) else { return }
            throw ValueProblem(
                "\"\(word)\" is not one of \(words.joined(separator: ", "))",
                hint: NearestWord.hint(word, among: words)
            )
        case .number(let range):
            guard let number = wholeNumber(word, as: Int.self), range.contains(number) else {
                throw ValueProblem("\"\(word)\" is not a number from \(range.lowerBound) to \(range.upperBound)")
            }
        case .time: if word != "none" { _ = try TimeSpan.parse(word) }
        case .port:
            guard let port = wholeNumber(word, as: UInt16.self), port > 0 else {
                throw ValueProblem("\"\(word)\" is not a port", hint: "ports are 1 to 65535")
            }
        case .congestionControl: _ = try CongestionControl(parsing: word)
        case .agent: try Self.checkAgent(word)
        case .jump: _ = try JumpHosts(parsing: word)
        default: break
        }
    }

    /// `yes`, `no`, `true` and `false` in any case; nil for anything else.
    public static func flag(_ word: String) -> Bool? {
        switch word.lowercased() {
        case "yes", "true": true
        case "no", "false": false
        default: nil
        }
    }

    private static func checkAgent(_ word: String) throws(ValueProblem) {
        guard let name = word.rest(after: "$"), !word.begins(with: "${") else { return }
        let isName = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
        }
        guard !name.isEmpty, isName else { throw ValueProblem("\"\(word)\" names no environment variable") }
    }
}

/// `RekeyLimit` of a client: as in sshd, but without bounds of its own.
public struct SSHConfigRekeyLimit: Hashable, Sendable {
    /// Bytes; nil for what the cipher can stand.
    public var bytes: UInt64?
    /// Seconds; nil for never by time.
    public var seconds: UInt32?

    /// Reads one or two words.
    ///
    /// - Throws: what is wrong with them.
    public init(_ words: [String]) throws(ValueProblem) {
        guard let size = words.first, words.count <= 2 else { throw ValueProblem("write a size, and perhaps a time") }
        if size.lowercased() != "default" {
            let bytes = try ByteCount.parse(size)
            // OpenSSH's own bound: a few packets are no interval.
            guard bytes == 0 || bytes >= 16 else { throw ValueProblem("\(size) is too small") }
            self.bytes = bytes == 0 ? nil : bytes
        }
        guard words.count == 2, words[1].lowercased() != "none" else { return }
        let seconds = try TimeSpan.parse(words[1]).components.seconds
        guard seconds <= Int64(Int32.max) else { throw ValueProblem("\(words[1]) is too long") }
        self.seconds = seconds == 0 ? nil : UInt32(seconds)
    }
}
