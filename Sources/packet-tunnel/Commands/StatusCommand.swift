internal import ArgumentParser
internal import TunnelConfiguration

/// `packet-tunnel status`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Ask a server for your own sessions and their counters.",
        usage: "packet-tunnel status [<options>] [user@]host",
        discussion: """
            Prints the server's answer, one JSON object. Stock ssh can ask, too:
              ssh -p 2222 alice@vpn.example status
            """
    )

    @OptionGroup(title: "Connection") var connection: ConnectionArguments

    func validate() throws {
        if let contradiction = connection.connection.contradiction { throw ValidationError(contradiction) }
    }

    func run() async throws {
        ProgramEnd.now(await TunnelClientProgram.ask(.status, over: connection.connection))
    }
}
