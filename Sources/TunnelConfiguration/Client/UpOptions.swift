public import IPPacket
public import OpenSSHSyntax

/// How the client reaches a server.
public struct ConnectionOptions: Hashable, Sendable {
    /// The server; nil only with `via`.
    public var destination: Destination?
    /// `-p`; nil for what `destination` or the SSH configuration says.
    public var port: UInt16?
    /// `-i`, in order.
    public var identityFiles: [String] = []
    /// `-F`; nil for the user's own SSH configuration, `none` for no file.
    public var configurationFile: String?
    /// `-o`, in order; the first one with a name counts, and counts more than the SSH configuration.
    public var options: [SSHOption] = []
    /// `--via`: a shell command whose standard input and output are the transport, instead of our own SSH.
    public var via: String?
    /// `-v`, how often.
    public var verbosity = 0

    /// A connection with nothing chosen.
    public init() {}

    /// The value of the first `-o` with a name, in any case; nil without one.
    public func option(_ name: String) -> String? {
        options.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Why these options cannot go together; nil if they can.
    public var contradiction: String? {
        guard via != nil else {
            return destination == nil ? "no host is given; write packet-tunnel up [user@]host" : nil
        }
        let isOurs = port != nil || !identityFiles.isEmpty || configurationFile != nil || !options.isEmpty
        if isOurs || destination != nil {
            return "--via replaces our own SSH: the host, -p, -i, -F and -o belong into its command"
        }
        return nil
    }
}

/// Which SSH channel type carries the packets.
public enum ChannelTypeChoice: String, ConfigurationChoice {
    /// The fastest that the server knows.
    case automatic = "auto"
    /// `tun-gso@packet-tunnel.internal`
    case gso
    /// `tun@psiphon.ca`
    case psiphon
    /// `tun@openssh.com`
    case openSSH = "openssh"
}

/// Everything that `packet-tunnel up` can be told.
///
/// A plain value without any rule of the tunnel: who wires the client translates it.
public struct UpOptions: Hashable, Sendable {
    /// The client's own IPv4 address, if nobody chooses. The server rewrites it, so any will do that is free here.
    public static let defaultAddress = ClientAddress(IPAddress(ipv4: 0x0afe_fe01), prefixLength: 32)
    /// The client's own IPv6 address, if nobody chooses; a unique local one (RFC 4193).
    public static let defaultAddress6 = ClientAddress(
        IPAddress(bits: 0xfd1d_7a6e_52c4_0001 << 64 | 1),
        prefixLength: 128
    )

    /// How the server is reached.
    public var connection = ConnectionOptions()
    /// The servers after the first, in the order to try them in.
    public var furtherDestinations: [Destination] = []
    /// All servers; none with `--via`.
    public var servers: [Destination] { (connection.destination.map { [$0] } ?? []) + furtherDestinations }
    /// `--allow-lan`: routes that are nearer than the default route lead past a full tunnel, whoever has sent them.
    public var allowsLocalNetwork = false
    /// `--address`; nil for no IPv4 on the device.
    public var address: ClientAddress? = defaultAddress
    /// `--address6`; nil for no IPv6 on the device.
    public var address6: ClientAddress? = defaultAddress6
    /// `--route`, in order: what goes through the tunnel.
    public var routes: [IPPrefix] = []
    /// Whether one of the routes is `default`, which leaves no family to the host's own routes.
    public var routesEverything = false
    /// `--exclude`, in order: what stays outside of the tunnel, whatever the routes say.
    public var excluded: [IPPrefix] = []
    /// `--allow-leak6`: IPv6 may leave beside a tunnel that takes all of IPv4 alone.
    public var allowsLeak6 = false
    /// `--kill-switch`: nothing leaves but through the tunnel, also while there is none.
    public var hasKillSwitch = false
    /// `--dns`, in order: addresses of this host's resolvers that the client sends to the server's.
    public var dnsResolvers: [IPAddress] = []
    /// `--dns-setup`: how programs of this host are made to ask the tunnel's resolvers.
    public var dnsSetup: DNSSetupChoice = .automatic
    /// `--dns-search`, in order: domains that complete a name of one word.
    public var searchDomains: [DomainName] = []
    /// `--device`; nil for a free name.
    public var device: String?
    /// `--mtu` in bytes; nil for what the server says.
    public var mtu: Int?
    /// `--session`; nil for the nameless one.
    public var session: SessionName?
    /// `--channel-type`
    public var channelType: ChannelTypeChoice = .automatic
    /// `--sudo`: the network is changed by commands that run through `sudo`, for a user without rights.
    public var usesSudo = false
    /// `--allow-no-ipv6`: goes on where this host cannot set IPv6 up.
    public var allowsNoIPv6 = false
    /// `--tun-fd`: a tun device that somebody else opened and configured.
    public var tunFileDescriptor: Int32?

    /// A tunnel with nothing chosen.
    public init() {}

    /// Why these options cannot go together; nil if they can.
    public var contradiction: String? {
        if let contradiction = connection.contradiction { return contradiction }
        if connection.via != nil, !furtherDestinations.isEmpty { return "--via has one server, its command's" }
        if connection.via != nil, channelType == .openSSH {
            return "--channel-type openssh needs the messages of SSH; --via carries a stream: psiphon or gso"
        }
        if let address, !address.address.isIPv4 {
            return "--address takes an IPv4 address; --address6 takes \(address)"
        }
        if let address6, address6.address.isIPv4 {
            return "--address6 takes an IPv6 address; --address takes \(address6)"
        }
        if address == nil, address6 == nil { return "--address none and --address6 none leave nothing to tunnel" }
        for route in routes where (route.network.isIPv4 ? address : address6) == nil {
            return "--route \(route) needs an address of its family"
        }
        if !searchDomains.isEmpty, !setsDNS {
            return "--dns-search needs --dns-setup or a default route: without them no program's look-ups change"
        }
        if hasKillSwitch, !hasDefaultRoute {
            return "--kill-switch lets nothing leave beside the tunnel, so all has to go through it: --route default"
        }
        if hasKillSwitch, allowsLeak6 { return "--kill-switch and --allow-leak6 contradict each other" }
        guard tunFileDescriptor != nil else { return nil }
        let isConfigured = address != Self.defaultAddress || address6 != Self.defaultAddress6 || !routes.isEmpty
        return isConfigured || device != nil || setsDNS
            ? "--tun-fd is a device that is configured already: "
                + "--address, --address6, --route, --dns-setup and --device have no place"
            : nil
    }

    /// What is refused on this host because the tunnel does not carry it and it must not leave beside: all of a family, in
    /// the form of a default route.
    ///
    /// - Parameter served: the families that the server has; nil if it does not say.
    public func refusedRoutes(served: [IPVersion]?) -> [IPPrefix] {
        let wanted = IPVersion.allCases.filter { version in routes.contains { $0.length == 0 && $0.version == version }
        }
        var refused = wanted.filter { served?.contains($0) == false }
        // All of IPv6 alone is how some reach IPv6 at all; their IPv4 has nothing to do with it.
        let beside = routesEverything ? IPVersion.allCases : wanted.contains(.v4) ? [.v6] : []
        refused += beside.filter { !wanted.contains($0) }
        return refused.filter { $0 == .v4 || !allowsLeak6 }.map(\.everything)
    }

    /// Whether everything of a family goes through the tunnel.
    public var hasDefaultRoute: Bool { routes.contains { $0.length == 0 } }

    /// Whether programs of this host are to ask the tunnel's resolvers.
    public var setsDNS: Bool { dnsSetup == .automatic ? hasDefaultRoute : dnsSetup != .none }
}

extension IPVersion {
    /// The default route.
    fileprivate var everything: IPPrefix {
        IPPrefix(self == .v4 ? IPAddress(ipv4: 0) : IPAddress(bits: 0), length: 0)
    }
}

extension IPPrefix {
    fileprivate var version: IPVersion { network.isIPv4 ? .v4 : .v6 }
}
