internal import ArgumentParser
internal import IPPacket
internal import OpenSSHSyntax
internal import PacketTunnel
internal import TunnelConfiguration

/// `packet-tunnel up`
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Bring up a tunnel and keep it up.",
        usage: """
            packet-tunnel up [<options>] [user@]host [[user@]host ...]
            packet-tunnel up --via <command> [<options>]
            """,
        discussion: """
            Runs in the foreground; Ctrl-C or SIGTERM undoes everything it set up.
            SIGHUP does, too, in a terminal; without one it connects anew.
            When the line breaks or the network changes it connects again by itself,
            and goes on with the same device, addresses, routes and session. Of
            several servers the next one is used while one is gone.

            Examples:
              packet-tunnel up vpn --route default
              packet-tunnel up alice@vpn.example -p 2222 -i ~/.ssh/vpn \\
                  --route 198.51.100.0/24 --route 2001:db8:1::/48 --dns 10.9.9.9
              packet-tunnel up --via "ssh -s vpn packet-tunnel" --route default
            """
    )

    @OptionGroup(title: "Connection") var connection: ConnectionArguments

    @Argument(
        help: ArgumentHelp("Servers to use while those before are gone.", valueName: "[user@]host"),
        transform: { try Destination(parsing: $0) }
    )
    var furtherServers: [Destination] = []

    @Flag(
        help: "Let all routes nearer than the default one lead past --route default, also those that DHCP has sent."
    )
    var allowLan = false

    @Option(
        help: ArgumentHelp(
            "This side's IPv4 address, any that is free here, or none. (default: \(UpOptions.defaultAddress))",
            valueName: "cidr"
        ),
        transform: { try OptionalAddress(parsing: $0) }
    )
    var address = OptionalAddress(UpOptions.defaultAddress)

    @Option(
        help: ArgumentHelp(
            "This side's IPv6 address, or none. (default: \(UpOptions.defaultAddress6))",
            valueName: "cidr"
        ),
        transform: { try OptionalAddress(parsing: $0) }
    )
    var address6 = OptionalAddress(UpOptions.defaultAddress6)

    @Option(
        help: ArgumentHelp("A network to reach through the tunnel, or default for all; may repeat.", valueName: "cidr"),
        transform: { try UpOptions.Route(parsing: $0) }
    )
    var route: [UpOptions.Route] = []

    @Option(
        help: ArgumentHelp("A network that stays outside of the tunnel; may repeat.", valueName: "cidr"),
        transform: { try UpOptions.Route.prefix(parsing: $0) }
    )
    var exclude: [IPPrefix] = []

    @Flag(name: .customLong("allow-leak6"), help: "Let IPv6 leave beside a tunnel that takes IPv4 alone.")
    var allowLeak6 = false

    @Flag(help: "Let nothing leave beside the tunnel, also after a crash, until it is stopped.")
    var killSwitch = false

    @Option(
        help: ArgumentHelp(
            "A resolver address of this side that the server's resolvers shall answer for; may repeat.",
            valueName: "address"
        ),
        transform: parseAddress
    )
    var dns: [IPAddress] = []

    @Option(
        help: ArgumentHelp(
            "How this host's programs are made to ask it: \(DNSSetupChoice.placeholder). auto is none without a default route.",
            valueName: "method"
        ),
        transform: { try DNSSetupChoice(parsing: $0) }
    )
    var dnsSetup: DNSSetupChoice = .automatic

    @Option(
        help: ArgumentHelp("A domain that completes names of one word; may repeat.", valueName: "domain"),
        transform: { try DomainName(parsing: $0) }
    )
    var dnsSearch: [DomainName] = []

    @Option(help: ArgumentHelp("The name of the tun device.", valueName: "name"), transform: parseInterface)
    var device: String?

    @Option(
        help: ArgumentHelp("The largest packet, instead of the server's word, which 0 means.", valueName: "bytes"),
        transform: parseMTU
    )
    var mtu: Int?

    @Option(
        help: ArgumentHelp("Which of this key's sessions to use, by any name.", valueName: "name"),
        transform: { try SessionName(parsing: $0) }
    )
    var session: SessionName?

    @Option(
        help: ArgumentHelp("The SSH channel type: \(ChannelTypeChoice.placeholder).", valueName: "type"),
        transform: { try ChannelTypeChoice(parsing: $0) }
    )
    var channelType: ChannelTypeChoice = .automatic

    @Flag(help: "Change this host's network through sudo, for a user without rights.")
    var sudo = false

    @Flag(
        name: .customLong("allow-no-ipv6"),
        help: "Go on where this host cannot set IPv6 up; IPv6 then goes beside the tunnel."
    )
    var allowsNoIPv6 = false

    @Option(
        help: ArgumentHelp("An open and configured tun device to use instead of a new one.", valueName: "descriptor"),
        transform: parseDescriptor
    )
    var tunFd: Int32?

    /// The plain values.
    var options: UpOptions {
        var options = UpOptions()
        options.connection = connection.connection
        options.furtherDestinations = furtherServers
        options.allowsLocalNetwork = allowLan
        options.address = address.value
        options.address6 = address6.value
        options.routes = route.flatMap { $0.prefixes(ipv4: address.value != nil, ipv6: address6.value != nil) }
        options.routesEverything = route.contains(.everything)
        options.excluded = exclude
        options.allowsLeak6 = allowLeak6
        options.hasKillSwitch = killSwitch
        options.dnsResolvers = dns
        options.dnsSetup = dnsSetup
        options.searchDomains = dnsSearch
        options.device = device
        options.mtu = mtu == 0 ? nil : mtu
        options.session = session
        options.channelType = channelType
        options.usesSudo = sudo
        options.allowsNoIPv6 = allowsNoIPv6
        options.tunFileDescriptor = tunFd
        return options
    }

    func validate() throws {
        if let contradiction = options.contradiction { throw ValidationError(contradiction) }
    }

    func run() async throws {
        ProgramEnd.now(await TunnelClientProgram.run(options))
    }
}

/// An address, or the word `none`.
struct OptionalAddress: CustomStringConvertible {
    let value: ClientAddress?

    init(_ value: ClientAddress) {
        self.value = value
    }

    init(parsing text: String) throws {
        value = text.lowercased() == "none" ? nil : try ClientAddress(parsing: text)
    }

    var description: String { value?.description ?? "none" }
}

private func parseAddress(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw ValueProblem("it is not an IP address") }
    return address
}

func parseInterface(_ text: String) throws -> String {
    if let problem = InterfaceName.problem(text) { throw ValueProblem(problem) }
    return text
}

private func parseMTU(_ text: String) throws -> Int {
    guard let mtu = Int(text), mtu == 0 || TunnelDefaults.mtuRange.contains(mtu) else {
        throw ValueProblem("an MTU is 1280, IPv6's minimum, to 65535, or 0 for the server's word")
    }
    return mtu
}

private func parseDescriptor(_ text: String) throws -> Int32 {
    guard let descriptor = Int32(text), descriptor >= 0 else {
        throw ValueProblem("a descriptor is a number from 0 on")
    }
    return descriptor
}
