internal import ArgumentParser
internal import Glibc

/// `terminal`: a person at a terminal, who answers what a program asks.
struct TerminalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "terminal",
        abstract: "Runs a command in a terminal of its own, prints what it says there, and ends as it does.",
        discussion:
            "A line that ends with a question mark or a colon is a question. SIGTERM becomes the command's SIGINT."
    )

    @Option(name: .customLong("answer"), help: "What to say to the next question. Given again, to the one after it.")
    var answers: [String] = []

    @Option(help: "Says no to a question unless this text has been shown before it.")
    var expect: String?

    @Argument(parsing: .captureForPassthrough)
    var command: [String]

    func run() throws {
        let terminal = try Terminal(running: command.first == "--" ? Array(command.dropFirst()) : command)
        var left = answers[...]
        var shown: [UInt8] = []
        while let piece = terminal.read() {
            Output.bytes(piece)
            shown += piece
            guard let answer = left.first, Self.isQuestion(shown) else { continue }
            left = left.dropFirst()
            let isExpected = expect.map { String(decoding: shown, as: UTF8.self).contains($0) } ?? true
            terminal.write(Array(((isExpected ? answer : "no") + "\n").utf8))
            shown = []
        }
        throw ExitCode(terminal.end())
    }

    private static func isQuestion(_ shown: [UInt8]) -> Bool {
        let last = shown.last { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return last == UInt8(ascii: "?") || last == UInt8(ascii: ":")
    }
}
