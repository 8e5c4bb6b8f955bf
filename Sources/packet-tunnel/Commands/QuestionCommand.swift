internal import ArgumentParser
internal import TunnelConfiguration

/// A command that asks a server something and prints the answer.
protocol QuestionCommand: AsyncParsableCommand {
    static var question: ServerQuestion { get }
    static var abstract: String { get }
    var connection: ConnectionArguments { get }
}

extension QuestionCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: question.rawValue,
            abstract: abstract,
            usage: "packet-tunnel \(question.rawValue) [<options>] [user@]host",
            discussion: """
                Prints the server's answer, one JSON object. Stock ssh can ask, too:
                  ssh -p 2222 alice@vpn.example \(question.rawValue)
                """
        )
    }

    func validate() throws {
        if let contradiction = connection.connection.contradiction { throw ValidationError(contradiction) }
    }

    func run() async throws {
        ProgramEnd.now(await TunnelClientProgram.ask(Self.question, over: connection.connection))
    }
}
