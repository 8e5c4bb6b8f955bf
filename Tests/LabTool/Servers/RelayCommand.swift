internal import ArgumentParser
internal import EventLoops
internal import Glibc
internal import IPPacket

/// `relay`: a long path for TCP.
struct RelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay",
        abstract: "Passes connections on to a server, each direction later by half a round trip; prints \"listening\".",
        discussion:
            "There is no limit on the rate, nothing is lost, and what is under way is what the ends dare to send."
    )

    @OptionGroup
    var place: EndpointArguments

    @Argument
    var server: IPAddress

    @Argument
    var serverPort: UInt16

    @Argument(help: "Milliseconds.")
    var roundTrip: Double

    func run() throws {
        let listener = try Socket.bound(SOCK_STREAM, to: place.endpoint)
        let delay = UInt64(roundTrip * 500_000)
        let target = Endpoint(server, port: serverPort)
        Output.line("listening")
        while true {
            let near = try listener.accept()
            DetachedThread.run {
                guard let far = try? Socket.connected(SOCK_STREAM, to: target) else { return }
                var relay = Relay(near: near, far: far, delay: delay)
                while relay.turn() {}
            }
        }
    }
}
