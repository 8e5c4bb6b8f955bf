internal import ArgumentParser
internal import Glibc

/// `tcp`: succeeds if `echo` answers a connection.
struct TCPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tcp",
        abstract: "Succeeds if an echo comes back over a new connection."
    )

    @OptionGroup
    var place: EndpointArguments

    @OptionGroup
    var patience: Patience

    func run() throws { try patience.echo(of: 5, by: SOCK_STREAM, from: place.endpoint) }
}
