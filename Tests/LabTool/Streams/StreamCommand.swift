internal import ArgumentParser
internal import Glibc

/// `stream`: the far end of a paced stream.
struct StreamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Waits for one connection and sends a paced stream down, or receives one up; prints \"listening\"."
    )

    enum Direction: String, ExpressibleByArgument, CaseIterable {
        case up, down
    }

    @OptionGroup
    var place: EndpointArguments

    @Argument
    var direction: Direction

    func run() throws {
        let listener = try Socket.bound(SOCK_STREAM, to: place.endpoint)
        Output.line("listening")
        let stream = PacedStream(socket: try listener.accept())
        if direction == .up { try stream.receive() } else { try stream.send() }
    }
}
