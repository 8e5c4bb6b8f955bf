import OpenSSHSyntax
import TunnelConfiguration

/// Any text as `-o OPTION=VALUE`, or as a line of ssh_config: its words, written down again, are read back to the same.
func fuzzSSHOption(_ input: Input) -> Int32 {
    var input = input
    let text = input.text()
    if let option = try? SSHOption(parsing: text) {
        let again = try? SSHOption(parsing: option.description)
        check(again == option, "an option's own text says the same")
        let tokens = SSHTokens { $0 == "h" ? "host" : nil }
        _ = try? tokens.expand(option.value, SSHTokens.common) { $0 == "HOME" ? "/home" : nil }
        if let path = try? SSHTokens.expandTilde(option.value, home: { $0.isEmpty ? "/home" : nil }) {
            check(!path.hasPrefix("~"), "no tilde is left")
        }
    }
    if let line = try? SSHConfigLine(text) {
        let written = ([line.keyword] + line.words.map(quoted)).joined(separator: " ")
        let again = try? SSHConfigLine(written)
        check(again?.keyword == line.keyword, "the same keyword: \(written.debugDescription)")
        check(again?.words == line.words, "the same words: \(written.debugDescription)")
    }
    let arguments = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let separated = SSHStyleArguments.separated(arguments)
    check(separated.joined() == arguments.joined(), "arguments are cut and not changed")
    check(separated.count >= arguments.count, "and none is lost")
    return 0
}
