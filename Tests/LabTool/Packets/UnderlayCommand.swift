internal import ArgumentParser
internal import IPPacket

/// `underlay`: watches what leaves by a device, and prints a line for each frame that has no business outside a tunnel.
struct UnderlayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "underlay",
        abstract:
            "Prints what leaves by a device, except ARP, neighbour discovery, DHCP, TCP to peers and queries for names."
    )

    @Argument
    var device: String

    @Argument(help: "ADDRESS:PORT, separated by commas: TCP to these may leave.")
    var peers: String

    @Argument(help: "Names, separated by commas: queries for these may leave.")
    var names: String = ""

    func run() throws {
        let watch = UnderlayWatch(
            peers: Set(try peers.split(separator: ",").map(Self.endpoint)),
            names: Set(names.split(separator: ",").map { $0.lowercased() })
        )
        let wire = try DeviceSocket(device: device)
        Output.line("listening on \(device)")
        while true {
            let packet = try wire.receive()
            if packet.isOutgoing, let line = watch.complaint(about: packet) { Output.line("clear: \(line)") }
        }
    }

    private static func endpoint(_ text: Substring) throws -> Endpoint {
        guard let colon = text.lastIndex(of: ":"), let address = IPAddress(text[..<colon]),
            let port = UInt16(text[text.index(after: colon)...])
        else { throw ValidationError("\(text) is not ADDRESS:PORT") }
        return Endpoint(address, port: port)
    }
}
