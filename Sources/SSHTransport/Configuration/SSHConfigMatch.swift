internal import IPPacket
internal import OpenSSHSyntax

/// The criteria of one `Match` line.
struct SSHConfigMatch {
    let target: SSHConfigReader.Target
    let values: SSHConfigValues
    let source: any SSHConfigSource
    /// True once a criterion asks for a second reading of the files.
    private(set) var wantsFinalPass = false

    init(target: SSHConfigReader.Target, values: SSHConfigValues, source: any SSHConfigSource) {
        self.target = target
        self.values = values
        self.source = source
    }

    /// True if all criteria hold. Runs the command of `exec` unless something before it has failed.
    ///
    /// - Throws: which criterion there is not, or lacks its argument.
    mutating func evaluate(_ text: String) throws(ValueProblem) -> Bool {
        var words = try Self.words(of: text)[...]
        guard !words.isEmpty else { throw ValueProblem("Match: a criterion is missing") }
        var isMatched = true
        var count = 0
        while let word = words.popFirst() {
            let negated = word.rest(after: "!")
            let isNegated = negated != nil
            let criterion = (negated ?? word[...]).lowercased()
            if criterion == "all" {
                guard words.isEmpty, count <= 1 else {
                    throw ValueProblem("Match: all goes together with no other criterion")
                }
                return isMatched && !isNegated
            }
            count += 1
            let holds: Bool
            switch criterion {
            // As with ssh, both mean the second reading.
            case "canonical", "final":
                if criterion == "final" { wantsFinalPass = true }
                holds = target.finalHost != nil
            default:
                guard let argument = words.popFirst() else {
                    throw ValueProblem("Match: \(criterion) needs an argument")
                }
                holds = try fits(criterion, argument, wanted: isMatched)
            }
            if holds == isNegated { isMatched = false }
        }
        return isMatched
    }

    private func fits(_ criterion: String, _ argument: String, wanted: Bool) throws(ValueProblem) -> Bool {
        func matches(_ text: String) -> Bool {
            PatternList(commaSeparated: argument).verdict(on: text) == .matches
        }
        switch criterion {
        case "host":
            let patterns = PatternList(commaSeparated: argument.lowercased())
            return patterns.verdict(on: try host().lowercased()) == .matches
        case "originalhost":
            return PatternList(commaSeparated: argument.lowercased()).verdict(on: target.alias.lowercased()) == .matches
        case "user": return matches(values["user"]?.text ?? LocalUser.name)
        case "localuser": return matches(LocalUser.name)
        case "tagged": return matches(values["tag"]?.text ?? "")
        case "sessiontype": return matches("none")
        case "command": return matches("")
        case "localnetwork": return try hasLocalAddress(in: argument)
        case "exec":
            guard wanted else { return false }
            let tokens = SSHClientTokens(alias: target.alias, host: try host(), values: values).tokens
            let command = try tokens.expand(argument, SSHTokens.common)
            return source.succeeds(command)
        default:
            throw ValueProblem(
                "Match: \(criterion) is not a criterion here",
                hint: NearestWord.hint(criterion, among: Self.criteria)
            )
        }
    }

    private static let criteria = [
        "all", "canonical", "command", "exec", "final", "host", "localnetwork", "localuser", "originalhost",
        "sessiontype", "tagged", "user",
    ]

    private func host() throws(ValueProblem) -> String {
        if let host = target.finalHost { return host }
        guard let name = values["hostname"]?.text else { return target.alias }
        let alias = target.alias
        return try SSHTokens { $0 == "h" ? alias : nil }.expand(name, ["%", "h"])
    }

    /// Words between blanks or after one `=`, in double quotes where they have blanks; a `#` ends the line.
    private static func words(of text: String) throws(ValueProblem) -> [String] {
        var words: [String] = []
        var rest = text.unicodeScalars[...]
        while true {
            rest = rest.drop(while: isBlank)
            if rest.first == "=", !words.isEmpty { rest = rest.dropFirst().drop(while: isBlank) }
            guard let first = rest.first, first != "#" else { return words }
            if first == "\"" {
                guard let end = rest.dropFirst().firstIndex(of: "\"") else {
                    throw ValueProblem("a quotation mark is never closed")
                }
                words.append(String(rest[..<end].dropFirst()))
                rest = rest[end...].dropFirst()
            } else {
                let word = rest.prefix(while: { !isBlank($0) && $0 != "=" && $0 != "\"" })
                words.append(String(word))
                rest = rest.dropFirst(word.count)
            }
        }
    }

    private static func isBlank(_ character: Unicode.Scalar) -> Bool {
        character == " " || character == "\t" || character == "\r"
    }

    private func hasLocalAddress(in argument: String) throws(ValueProblem) -> Bool {
        var networks: [IPPrefix] = []
        for item in argument.parts(at: ",", omittingEmpty: true) { networks.append(try PrefixText.parse(String(item))) }
        return source.addresses().contains { address in networks.contains { $0.contains(address) } }
    }
}
