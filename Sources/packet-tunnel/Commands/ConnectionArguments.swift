internal import ArgumentParser
internal import OpenSSHSyntax
internal import TunnelConfiguration

/// The arguments of every command that connects to a server; the letters mean what they mean to stock ssh.
struct ConnectionArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The server: a host, an alias from the SSH configuration, or ssh://[user@]host[:port].",
            valueName: "[user@]host"
        ),
        transform: { try Destination(parsing: $0) }
    )
    var destination: Destination?

    @Option(
        name: .customShort("p", allowingJoined: true),
        help: ArgumentHelp("The server's port.", valueName: "port"),
        transform: parsePort
    )
    var port: UInt16?

    @Option(
        name: .customShort("B", allowingJoined: true),
        help: ArgumentHelp("The interface that the connection leaves by.", valueName: "interface"),
        transform: { try SSHOption("BindInterface", word: $0) }
    )
    var bindInterface: SSHOption?

    @Option(
        name: .customShort("J", allowingJoined: true),
        help: ArgumentHelp("Hosts to pass through, separated by commas: [user@]host[:port].", valueName: "hosts"),
        transform: { try SSHOption(parsing: "ProxyJump=\($0)") }
    )
    var jump: SSHOption?

    @Flag(name: .customShort("4"), help: "Connect over IPv4 only.")
    var onlyIPv4 = false

    @Flag(name: .customShort("6"), help: "Connect over IPv6 only.")
    var onlyIPv6 = false

    @Option(
        name: .customShort("i", allowingJoined: true),
        help: ArgumentHelp("A private key file; may repeat.", valueName: "key")
    )
    var identityFiles: [String] = []

    @Option(
        name: .customShort("F", allowingJoined: true),
        help: ArgumentHelp(
            "The SSH configuration to use instead of ~/.ssh/config; none for no file.",
            valueName: "file"
        )
    )
    var configurationFile: String?

    @Option(
        name: .customShort("o", allowingJoined: true),
        help: ArgumentHelp("An option of ssh_config; may repeat.", valueName: "option=value"),
        transform: { try SSHOption(parsing: $0) }
    )
    var options: [SSHOption] = []

    @Option(
        help: ArgumentHelp("A shell command that is the connection, instead of our own SSH.", valueName: "command")
    )
    var via: String?

    @Flag(name: .customShort("v"), help: "Tell more; may repeat.")
    var verbosity: Int

    private var family: SSHOption? {
        onlyIPv4 || onlyIPv6 ? try? SSHOption(parsing: "AddressFamily=\(onlyIPv6 ? "inet6" : "inet")") : nil
    }

    /// The plain values.
    var connection: ConnectionOptions {
        var connection = ConnectionOptions()
        connection.destination = destination
        connection.port = port
        connection.identityFiles = identityFiles
        connection.configurationFile = configurationFile
        connection.options = [bindInterface, jump, family].compactMap { $0 } + options
        connection.via = via
        connection.verbosity = verbosity
        return connection
    }
}

/// A port from 1 to 65535.
private func parsePort(_ text: String) throws -> UInt16 {
    guard let port = UInt16(text), port > 0 else { throw ValueProblem("ports are 1 to 65535") }
    return port
}
