internal import ArgumentParser
internal import Glibc

/// `udp`: succeeds if `echo` answers a datagram.
struct UDPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "udp",
        abstract: "Succeeds if an echo of a datagram comes back."
    )

    @OptionGroup
    var place: EndpointArguments

    @Argument(help: "Bytes of the datagram.")
    var size = 5

    @OptionGroup
    var patience: Patience

    func run() throws { try patience.echo(of: size, by: SOCK_DGRAM, from: place.endpoint) }
}
