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

    /// Asks twice for the passphrase of a new key; nil for none, and without a terminal.
    static func newPassphrase() -> String? {
        guard isatty(STDIN_FILENO) == 1 else { return nil }
        while true {
            guard let first = read("Enter a passphrase for the new key, or nothing for none: "), !first.isEmpty else {
                return nil
            }
            if read("Enter it again: ") == first { return first }
            StandardError.printLine("They differ.")
        }
    }

    private static func readPassphrase(_ file: String) -> String? {
        read("Enter passphrase for key '\(file)': ")
    }

    private static func read(_ question: String) -> String? {
        guard let line = getpass(question) else { return nil }
        defer { explicit_bzero(line, strlen(line)) }
        return String(cString: line)
    }
}
