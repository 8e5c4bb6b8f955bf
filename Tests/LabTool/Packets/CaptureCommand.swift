internal import ArgumentParser
internal import IPPacket

/// `capture`: waits on a device for a UDP packet to a port, and prints it in hexadecimal.
struct CaptureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Waits on a tun device for a UDP packet to a port, and prints it: \"packet HEX\"."
    )

    @Argument
    var device: String

    @Argument
    var port: UInt16

    func run() throws {
        let wire = try DeviceSocket(device: device)
        Output.line("listening on \(device)")
        while true {
            let bytes = try wire.receive().bytes
            guard let summary = try? PacketSummary(validating: bytes.span.bytes), summary.transport == .udp,
                summary.destinationPort == port
            else { continue }
            return Output.line("packet " + Hexadecimal.text(bytes))
        }
    }
}
