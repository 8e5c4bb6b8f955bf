internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// `blast`: somebody who goes on sending to an address, whoever has it by then.
struct BlastCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blast",
        abstract: "Waits for one datagram, and answers it with 200 a second from then on; prints \"listening\"."
    )

    @OptionGroup
    var place: EndpointArguments

    private static let period: UInt64 = 5_000_000

    func run() throws {
        let socket = try Socket.bound(SOCK_DGRAM, to: place.endpoint)
        Output.line("listening")
        let (_, caller) = try socket.receiveFrom()
        var due = SystemClock.monotonic
        while true {
            try? socket.send(Array("for the old owner".utf8), to: caller)
            due += Self.period
            SystemClock.sleep(until: due)
        }
    }
}
