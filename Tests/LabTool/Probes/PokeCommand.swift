internal import ArgumentParser
internal import Glibc

/// `poke`: has `blast` begin.
struct PokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poke",
        abstract: "Sends one datagram to a `blast`, takes what comes, and prints \"answered\" at the first."
    )

    @OptionGroup
    var place: EndpointArguments

    func run() throws {
        let socket = try Socket.connected(SOCK_DGRAM, to: place.endpoint, timeout: 0)
        try socket.send(Array("begin".utf8))
        _ = try socket.receive()
        Output.line("answered")
        while true { _ = try socket.receive() }
    }
}
