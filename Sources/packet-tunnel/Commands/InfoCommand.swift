internal import ArgumentParser
internal import TunnelConfiguration

/// `packet-tunnel info`
struct InfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Ask a server for its MTU, DNS addresses, version and limits.",
        usage: "packet-tunnel info [<options>] [user@]host",
        discussion: """
            Prints the server's answer, one JSON object. Stock ssh can ask, too:
              ssh -p 2222 alice@vpn.example info
            """
    )

    @OptionGroup(title: "Connection") var connection: ConnectionArguments

    func validate() throws {
        if let contradiction = connection.connection.contradiction { throw ValidationError(contradiction) }
    }

    func run() async throws {
        ProgramEnd.now(await TunnelClientProgram.ask(.info, over: connection.connection))
    }
}
