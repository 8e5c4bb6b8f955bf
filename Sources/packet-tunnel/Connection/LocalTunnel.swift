internal import EventLoops
internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

/// This host's end of a tunnel: the device, its addresses and routes, and the packet client on it. It stays while
/// connections come and go.
final class LocalTunnel {
    private let options: UpOptions
    private let loop: EventLoop
    private let logger: Logger
    private let client: PacketTunnelClient
    private let deviceName: String
    private let mtu: Int
    private let setup: InterfaceSetup?
    private let resolvers: ResolverSetup?
    /// Nil for a device that was given.
    private let device: TunDevice?
    private let restorer: DeviceRestorer?
    private let protection: TunnelProtection?

    /// Makes the device and sets the host up for it, or takes over the descriptor that was given.
    ///
    /// - Throws: `NetworkSetupError`, `ConfigurationError`; nothing is left behind then.
    init(
        _ options: UpOptions,
        server: any TunnelConnection,
        endpoints: [ServerEndpoint],
        loop: EventLoop,
        logger: Logger,
        deviceDisappeared: @escaping @Sendable () -> Void
    ) async throws {
        self.options = options
        self.loop = loop
        self.logger = logger
        let information = try await BlockingWork.value { server.information() }
        if let problem = information?.missingResolvers(for: options.dnsResolvers) {
            logger.warning("names will not be resolved through the tunnel", metadata: ["reason": "\(problem)"])
        }
        var configuration = ClientConfiguration(options, information)
        if let mtu = options.mtu { configuration.mtu = mtu }
        mtu = configuration.mtu
        let addresses = options.tunFileDescriptor == nil ? TunnelResolvers.addresses(options, configuration) : []
        // Programs go on to ask these when another server answers by other addresses.
        if !addresses.isEmpty { configuration.localDNSAddresses = DNSResolvers(addresses) }
        if let descriptor = options.tunFileDescriptor {
            let device = try ForeignDevice(descriptor: descriptor, mtu: configuration.mtu, loop: loop)
            loop.execute { device.deviceDidDisappear = deviceDisappeared }
            client = try PacketTunnelClient(configuration: configuration, loop: loop, device: device, logger: logger)
            (setup, resolvers, protection) = (nil, nil, nil)
            (self.device, restorer) = (nil, nil)
            deviceName = "descriptor \(descriptor)"
        } else {
            var network = NetworkSetupOptions(usesSudo: options.usesSudo, logger: logger)
            network.allowsMissingIPv6 = options.allowsNoIPv6
            // A kernel without IPv6 sends no IPv6 packet past the tunnel.
            network.allowsKernelWithoutIPv6 = true
            network.missingIPv6Setting = "--allow-no-ipv6"
            let device = try await TunDevice.open(
                name: options.device ?? TunDevice.defaultName,
                mtu: configuration.mtu,
                loops: [loop],
                options: network
            )
            client = try PacketTunnelClient(
                configuration: configuration,
                loop: loop,
                device: device.lanes[0],
                logger: logger
            )
            let setup = try await InterfaceSetup.client(
                ClientNetwork(options, resolvers: addresses, servers: endpoints, served: information?.families),
                device: device,
                options: network
            )
            self.setup = setup
            protection = TunnelProtection(options, network, interface: device.name)
            Self.report(options.refusedRoutes(served: information?.families), logger: logger)
            do {
                resolvers = try await TunnelResolvers(options, network).start(addresses, interface: device.name)
            } catch {
                await setup.undo()
                throw error
            }
            deviceName = device.name
            self.device = device
            restorer = DeviceRestorer(device, setup, options: network, disappeared: deviceDisappeared)
        }
        loop.execute { [client] in client.start() }
    }

    /// Keeps the way to a server out of the tunnel, from now on.
    func admit(_ server: ServerEndpoint) async throws {
        try await protection?.admit(server)
        try await setup?.admit(server)
    }

    /// Puts the kill switch up, if it is asked for, or up to date.
    func protect(names: [String]) async throws { try await protection?.arm(names: names) }

    /// Keeps the way to these servers out of the tunnel, and to no others.
    func retain(_ servers: [ServerEndpoint]) async throws { try await setup?.retain(servers) }

    /// Lets the routing rules follow the host's network, and sets the resolvers again where somebody has changed them.
    func networkDidChange() async throws {
        try await setup?.networkDidChange()
        try await protection?.update()
        await refreshResolvers()
    }

    /// Sets the resolvers again where somebody has changed them.
    func refreshResolvers() async {
        if let resolvers { await TunnelResolvers.refresh(resolvers, logger: logger) }
    }

    /// Of the device; nil for one that was given.
    var interfaceIndex: UInt32? { device?.index }

    /// Brings the device back after it has disappeared.
    ///
    /// - Returns: when to try again; nil if it is back.
    /// - Throws: `NetworkSetupError` for a device that somebody else has to bring back.
    func restoreDevice() async throws -> Duration? {
        guard let restorer else {
            throw NetworkSetupError(
                .tunMissing,
                "the device of --tun-fd has disappeared",
                advice: "start again with another one"
            )
        }
        return await restorer.restore()
    }

    /// Carries packets over connections.
    var relay: PacketRelay {
        PacketRelay(client: client, loop: loop, channelType: options.channelType, mtu: options.mtu == nil ? mtu : nil)
    }

    private static func report(_ refused: [IPPrefix], logger: Logger) {
        for prefix in refused {
            logger.notice(
                "refused on this host, because the tunnel does not carry it",
                metadata: ["family": "\(prefix.network.isIPv4 ? "IPv4" : "IPv6")"]
            )
        }
    }

    /// Takes everything back.
    ///
    /// - Parameter isStopped: false if the client ends against its user's will: then the kill switch stays.
    func takeDown(isStopped: Bool = true) async {
        await resolvers?.undo()
        await setup?.undo()
        let client = client
        await withCheckedContinuation { continuation in
            loop.execute {
                client.stop()
                continuation.resume()
            }
        }
        if isStopped { await protection?.disarm(logger: logger) }
    }

    /// For the line that says the tunnel is up.
    func description(_ framing: ChannelFraming, _ security: TransportSecurity?) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["channel": "\(framing.channelType)", "device": "\(deviceName)"]
        if let security { metadata["security"] = "\(security)" }
        guard setup != nil else { return metadata }
        metadata["addresses"] = .array([options.address, options.address6].compactMap { $0 }.map { "\($0)" })
        return metadata
    }
}

extension ClientConfiguration {
    /// What the options say, completed by what the server says.
    init(_ options: UpOptions, _ information: ServerInformation?) {
        self.init()
        mtu = information?.mtu ?? TunnelDefaults.mtu
        // A device that was given has addresses of its own.
        if options.tunFileDescriptor == nil {
            addresses = [options.address, options.address6].compactMap { $0?.address }
        }
        localDNSAddresses = DNSResolvers(options.dnsResolvers)
        if let information { transparentDNSAddresses = information.transparentDNSAddresses }
        // Through a command nobody can be asked; a server of ours has these unless it was told otherwise.
        if options.connection.via != nil,
            let pool = try? AddressPool(ipv4: TunnelDefaults.ipv4Pool, ipv6: TunnelDefaults.ipv6Pool)
        {
            let addresses = pool.transparentDNSAddresses
            transparentDNSAddresses = DNSResolvers([addresses.ipv4, addresses.ipv6])
        }
        if information == nil, options.channelType != .openSSH, options.connection.via == nil {
            // A server of the original answers no questions, and has these.
            transparentDNSAddresses = .original
        }
        // A stock sshd rewrites and refuses nothing; what it cannot route, its own kernel drops.
        if information?.permitICMP != "none" { policy.permittedICMP = [.errors, .echo] }
        // What the server would refuse is refused here, and its senders are told.
        policy.refusals = .reject
        policy.fragments = information.map { $0.fragments == "carry" } ?? true ? .carry : .refuse
    }
}

extension ServerInformation {
    /// The server's transparent resolver.
    var transparentDNSAddresses: DNSResolvers {
        DNSResolvers([transparentDNSIPv4, transparentDNSIPv6].compactMap { IPAddress($0) })
    }
}

extension NetworkSetupOptions {
    /// What the options say about changing the host's network. The state of a user's own tunnels lies where the user
    /// may write.
    init(usesSudo: Bool, logger: Logger) {
        self.init(logger: logger)
        self.usesSudo = usesSudo
        guard usesSudo else { return }
        if let directory = Self.variable("XDG_RUNTIME_DIR") { stateDirectory = directory + "/packet-tunnel" }
        if let directory = Self.variable("XDG_STATE_HOME") ?? Self.variable("HOME").map({ $0 + "/.local/state" }) {
            persistentDirectory = directory + "/packet-tunnel"
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

extension ClientNetwork {
    /// What the options say about the host's network. The resolvers' addresses lead into the tunnel by themselves.
    ///
    /// - Parameter served: the families that the server has; nil if it does not say.
    init(_ options: UpOptions, resolvers: [IPAddress], servers: [ServerEndpoint], served: [IPVersion]?) {
        let refused = options.refusedRoutes(served: served)
        let routes = options.routes.filter { !refused.contains($0) }
        let addresses = [options.address, options.address6].compactMap { $0 }
        let resolvers = resolvers.map { IPPrefix($0, length: $0.isIPv4 ? 32 : 128) }
        self.init(
            addresses: addresses.map { LinuxNetwork.InterfaceAddress($0.address, prefixLength: $0.prefixLength) },
            routes: routes + resolvers.filter { !routes.contains($0) },
            servers: servers,
            queueLength: 1_000
        )
        // A kernel without IPv6 sends none.
        unreachable = refused.filter { $0.network.isIPv4 || access("/proc/sys/net/ipv6", F_OK) == 0 }
        excluded = options.excluded
        allowsLocalNetwork = options.allowsLocalNetwork
    }
}
