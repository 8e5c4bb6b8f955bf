internal import ArgumentParser
internal import SSHTransport
internal import TunnelConfiguration

/// The command line of `packet-tunnel`. Parses, and has others do it; runs no packet.
struct ClientCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet-tunnel",
        abstract: "Whole IP packets through an SSH connection.",
        discussion: """
            Examples:
              packet-tunnel up alice@vpn.example -p 2222 --route default
              packet-tunnel info alice@vpn.example -p 2222

            Exit status: 0 stopped as told, 64 usage, 69 server or device missing,
            75 try again later, 76 host key or protocol, 77 not permitted.
            See also packet-tunnel(1).
            """,
        version: "packet-tunnel \(ProgramVersion.text), libssh \(SSHLibrary.version)",
        subcommands: [UpCommand.self, DownCommand.self, InfoCommand.self, StatusCommand.self, KeygenCommand.self]
    )

    func run() async throws {
        throw ValidationError("no command is given")
    }
}

@main
enum Program {
    static func main() async {
        StandardStreams.fill()
        await ClientCommand.main(SSHStyleArguments.separated(CommandLine.arguments.dropFirst()))
    }
}

extension ExitStatus {
    /// What a command throws to end the process in this way, without a message of its own.
    var exitCode: ExitCode { ExitCode(rawValue) }
}
