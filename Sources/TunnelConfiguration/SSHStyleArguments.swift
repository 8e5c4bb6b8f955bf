internal import OpenSSHSyntax

/// What hands know from ssh and sshd, and argument parsers do not.
public enum SSHStyleArguments {
    /// The arguments with `-oName=Value` as the two words that it means; what follows `--` is left alone.
    public static func separated(_ arguments: some Sequence<String>) -> [String] {
        var result: [String] = []
        var isLiteral = false
        for argument in arguments {
            isLiteral = isLiteral || argument == "--"
            if !isLiteral, argument.begins(with: "-o"), argument.utf8.count > 2 {
                result += ["-o", String(argument.rest(after: "-o") ?? "")]
            } else {
                result.append(argument)
            }
        }
        return result
    }
}
