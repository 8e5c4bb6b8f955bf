/// What hands know from ssh and sshd, and argument parsers do not.
public enum SSHStyleArguments {
    /// The arguments with `-oName=Value` as the two words that it means; what follows `--` is left alone.
    public static func separated(_ arguments: some Sequence<String>) -> [String] {
        var result: [String] = []
        var isLiteral = false
        for argument in arguments {
            isLiteral = isLiteral || argument == "--"
            if !isLiteral, argument.hasPrefix("-o"), argument.utf8.count > 2 {
                result += ["-o", String(argument.dropFirst(2))]
            } else {
                result.append(argument)
            }
        }
        return result
    }
}
