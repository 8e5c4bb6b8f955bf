internal import ArgumentParser
internal import FoundationEssentials

/// `json`: reads values out of a JSON text.
struct JSONCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "json",
        abstract: "Prints what a path leads to in standard input, each value on a line.",
        discussion: """
            A path is made of steps with a period between them: NAME is a member, * is every element or member, ** is every value
            at any depth. [NAME] behind a step keeps the objects with such a member, [NAME=VALUE] those in which it has this value.
            """
    )

    @Argument
    var path: String

    @Flag(help: "Prints the sum of the numbers, 0 without any.")
    var sum = false

    @Flag(help: "Prints how many values there are.")
    var count = false

    func run() throws {
        guard let path = JSONPath(path) else { throw ValidationError("\(path) is not a path") }
        // Nothing is a text without any value: whoever asks has been refused or come too early.
        let text = StandardInput.all()
        let root = (try? JSONDecoder().decode(JSONValue.self, from: Data(text))) ?? .null
        let values = path.values(in: root)
        if sum {
            Output.line(JSONValue.number(values.reduce(0) { $0 + ($1.number ?? 0) }).description)
        } else if count {
            Output.line("\(values.count)")
        } else {
            values.forEach { Output.line($0.description) }
        }
    }
}
