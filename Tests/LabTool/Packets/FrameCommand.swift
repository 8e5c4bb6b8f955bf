internal import ArgumentParser
internal import IPPacket
internal import PacketTunnelTestKit

/// `frame`: writes what a client of the channel type tun@psiphon.ca could send.
struct FrameCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frame",
        abstract: "Writes bytes for the channel type tun@psiphon.ca: a length of 16 bits, and a packet.",
        subcommands: [Connect.self, Zero.self, Noise.self]
    )

    /// A TCP packet that asks for a connection.
    struct Connect: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "syn")

        @Argument
        var source: IPAddress

        @OptionGroup
        var destination: EndpointArguments

        func run() {
            let packet = PacketBuilder.tcp(
                source: source,
                destination: destination.address,
                destinationPort: destination.port,
                flags: TCPFlags.syn
            )
            Output.bytes([UInt8(packet.count >> 8), UInt8(packet.count & 0xff)] + packet)
        }
    }

    /// A frame of no length, which nothing can follow.
    struct Zero: ParsableCommand {
        func run() { Output.bytes([0, 0]) }
    }

    /// Random bytes.
    struct Noise: ParsableCommand {
        @Argument
        var count: Int

        func run() { Output.bytes(RandomBytes.make(count)) }
    }
}
