internal import ArgumentParser
internal import TunnelConfiguration

/// `packet-tunnel down`
struct DownCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down",
        abstract: "Stop tunnels of this host and take back what killed ones have left.",
        usage: "packet-tunnel down [<options>]",
        discussion: """
            Stops the clients of this network namespace that \"up\" has started, waits for
            their ends, and then takes back what clients have left that were killed:
            routes, rules, packet filters, and resolvers, also those of an earlier boot.
            What somebody else has changed since stays as it is.
            """
    )

    @Option(help: ArgumentHelp("Stop the tunnel of this device alone.", valueName: "name"), transform: parseInterface)
    var device: String?

    @Flag(help: "Kill a client that has not stopped after five seconds.")
    var force = false

    @Flag(help: "The tunnels were started with --sudo.")
    var sudo = false

    @Flag(name: .short, help: "Tell more; may repeat.")
    var verbose: Int

    func run() async throws {
        let options = DownOptions(device: device, kills: force, usesSudo: sudo, verbosity: verbose)
        throw await TunnelClientProgram.takeDown(options).exitCode
    }
}

/// Everything that `packet-tunnel down` can be told.
struct DownOptions {
    /// Only this device's tunnel; nil for all.
    var device: String?
    /// Whether a client that does not stop is killed.
    var kills: Bool
    /// Whether the tunnels' network was changed through sudo.
    var usesSudo: Bool
    /// `-v`, how often.
    var verbosity: Int
}
