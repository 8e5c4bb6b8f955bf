internal import Glibc

/// Where the programs tell a person what went wrong.
public enum StandardError {
    /// Writes a line, from any thread. What cannot be written is lost: there is nowhere left to say so. It may contain words
    /// of strangers: nothing in it reaches a terminal that could do more than be read.
    public static func printLine(_ line: String) { print(TerminalText.escaped(line) + "\n") }

    /// Writes text as it is, for a question that is answered on the same line.
    public static func print(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
