internal import ArgumentParser
internal import EventLoops
internal import Glibc
internal import IPPacket

/// `echo`: sends back what arrives by TCP and UDP.
struct EchoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "Echoes TCP and UDP on these ports of these addresses; prints \"listening\"."
    )

    @Argument(help: "Ports, separated by commas.")
    var ports: String

    @Argument
    var addresses: [IPAddress]

    func run() throws {
        for port in try ports.split(separator: ",").map(Self.port) {
            for address in addresses {
                let place = Endpoint(address, port: port)
                let datagrams = try Socket.bound(SOCK_DGRAM, to: place)
                let listener = try Socket.bound(SOCK_STREAM, to: place)
                DetachedThread.run { Self.echoDatagrams(datagrams) }
                DetachedThread.run { Self.echoConnections(listener) }
            }
        }
        Output.line("listening")
        while true { pause() }
    }

    private static func port(_ text: Substring) throws -> UInt16 {
        guard let port = UInt16(text) else { throw ValidationError("\(text) is not a port") }
        return port
    }

    private static func echoDatagrams(_ socket: Socket) {
        while true {
            // An error is that of an answer before, which somebody has refused.
            guard let (bytes, sender) = try? socket.receiveFrom() else { continue }
            try? socket.send(bytes, to: sender)
        }
    }

    private static func echoConnections(_ listener: Socket) {
        while let peer = try? listener.accept() {
            DetachedThread.run {
                guard (try? peer.setTimeout(5)) != nil, let bytes = try? peer.receive(), !bytes.isEmpty else { return }
                try? peer.send(bytes)
            }
        }
    }
}
