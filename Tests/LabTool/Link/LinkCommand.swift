internal import ArgumentParser
internal import PacketTunnelTestKit

/// `link`: makes two tun devices and carries packets between them as a path does.
struct LinkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link",
        abstract: "Makes two tun devices with a path between them; prints \"ready\" once they are there."
    )

    @Argument(help: "The names of the two devices.")
    var near: String

    @Argument
    var far: String

    @Argument(help: "What the path is like, for example 20ms,100mbit,1%,250kb.")
    var path: String

    func run() throws {
        guard let properties = EmulatedLink.Properties(path) else {
            throw ValidationError("\(path) is not a path like 20ms,100mbit,1%,250kb")
        }
        let ends = [try TunEnd(name: near), try TunEnd(name: far)]
        Output.line("ready")
        var emulator = LinkEmulator(ends: ends, properties: properties)
        while true { emulator.turn() }
    }
}
