internal import ArgumentParser
internal import Glibc
internal import IPPacket

/// `hear`: prints the datagrams that arrive at a port of any address.
struct HearCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hear",
        abstract: "Prints each datagram that arrives at a port, as a line of text; prints \"hearing\" first."
    )

    @Argument
    var port: UInt16

    func run() throws {
        // The socket of IPv6 has both families.
        let socket = try Socket.bound(SOCK_DGRAM, to: Endpoint(IPAddress(bits: 0), port: port))
        Output.line("hearing")
        while true {
            let text = String(decoding: try socket.receive(), as: UTF8.self)
            Output.line(text.split(whereSeparator: \.isNewline).joined(separator: " "))
        }
    }
}
