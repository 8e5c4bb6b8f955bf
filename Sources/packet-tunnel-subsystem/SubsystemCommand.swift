internal import ArgumentParser
internal import Glibc
internal import OpenSSHSyntax
internal import PacketTunnel
internal import TunnelConfiguration

/// The command line of `packet-tunnel-subsystem`. Parses, and leaves the rest to `Subsystem`.
struct SubsystemCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet-tunnel-subsystem",
        abstract: "Hands the connection of a stock sshd over to packet-tunneld.",
        discussion: """
            Started by sshd for whoever has logged in there; needs no privileges. Packets do not pass through
            it: it waits until the tunnel is over. In sshd_config:
              Subsystem packet-tunnel /usr/local/bin/packet-tunnel-subsystem
            or ForceCommand, or command="..." in authorized_keys.

            Exit status: 0 the tunnel is over, 64 usage, 69 packet-tunneld does not run,
            75 try again later, 77 not permitted.
            See also packet-tunnel-subsystem(8).
            """,
        version: "packet-tunnel-subsystem \(ProgramVersion.text)"
    )

    @Option(help: ArgumentHelp("packet-tunneld's control socket.", valueName: "path"))
    var socket: String = DaemonConfiguration().controlSocketPath ?? ""

    @Option(
        help: ArgumentHelp(
            "How packets are laid into the stream: \(StreamFraming.placeholder). (default: what the client has asked sshd for, or psiphon)",
            valueName: "framing"
        ),
        transform: { try StreamFraming(parsing: $0) }
    )
    var framing: StreamFraming?

    @Option(
        help: ArgumentHelp(
            "Which of the user's sessions to use, by any name. (default: $\(SessionIdentity.nameVariable))",
            valueName: "name"
        ),
        transform: { try SessionName(parsing: $0) }
    )
    var session: SessionName?

    func run() throws {
        let status = Subsystem(
            socket: socket,
            framing: framing ?? Subsystem.requestedFraming,
            session: session ?? Subsystem.requestedSession
        ).run()
        throw ExitCode(status.rawValue)
    }
}

@main
enum Program {
    static func main() {
        StandardStreams.fill()
        SubsystemCommand.main()
    }
}
