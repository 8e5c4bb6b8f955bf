internal import Glibc
internal import SSHTransport
internal import TunnelConfiguration

/// Questions to the person at the terminal. Without a terminal nothing is asked, and what would need an answer fails.
enum Terminal {
    /// The questions that connecting may need.
    static var prompts: SSHClientPrompts {
        guard isatty(STDIN_FILENO) == 1 else { return SSHClientPrompts() }
        return SSHClientPrompts(confirmHostKey: confirm, passphrase: readPassphrase)
    }

    private static func confirm(_ question: String) -> Bool {
        StandardError.printLine(question)
        while true {
            StandardError.print("Are you sure you want to continue connecting (yes/no)? ")
            guard let answer = readLine() else { return false }
            switch answer.lowercased() {
            case "yes": return true
            case "no": return false
            default: StandardError.printLine("Please type \"yes\" or \"no\".")
            }
        }
    }

    private static func readPassphrase(_ file: String) -> String? {
        guard let line = getpass("Enter passphrase for key '\(file)': ") else { return nil }
        defer { explicit_bzero(line, strlen(line)) }
        return String(cString: line)
    }
}
