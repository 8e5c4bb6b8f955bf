internal import EventLoops
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
    private let client: LoopBound<PacketTunnelClient>
    private let deviceName: String
    private let mtu: Int
    /// Nil for a device that was given.
    private let host: HostSetup?

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
        Self.warn(about: information, options, logger)
        var configuration = ClientConfiguration(options, information)
        mtu = configuration.mtu
        if let descriptor = options.tunFileDescriptor {
            let device = try ForeignDevice(descriptor: descriptor, mtu: mtu, loop: loop)
            loop.execute { device.deviceDidDisappear = deviceDisappeared }
            client = try Self.client(configuration, device, loop, logger)
            (deviceName, host) = ("descriptor \(descriptor)", nil)
        } else {
            let resolvers = TunnelResolvers.addresses(options, configuration)
            // Programs go on to ask these when another server answers by other addresses.
            if !resolvers.isEmpty { configuration.localDNSAddresses = DNSResolvers(resolvers) }
            let network = HostSetup.networkOptions(options, logger)
            let device = try await HostSetup.openDevice(options, network, mtu: mtu, loop: loop)
            client = try Self.client(configuration, device.lanes[0], loop, logger)
            let routes = ClientNetwork(options, resolvers: resolvers, servers: endpoints, served: information?.families)
            host = try await HostSetup(device, options, network, routes, resolvers, disappeared: deviceDisappeared)
            deviceName = device.name
            report(refused: options.refusedRoutes(served: information?.families))
        }
        client.execute { $0.start() }
    }

    /// Keeps the way to a server out of the tunnel, from now on.
    func admit(_ server: ServerEndpoint) async throws { try await host?.admit(server) }

    /// Puts the kill switch up, if it is asked for, or up to date.
    func protect(names: [String]) async throws { try await host?.protect(names: names) }

    /// Keeps the way to these servers out of the tunnel, and to no others.
    func retain(_ servers: [ServerEndpoint]) async throws { try await host?.retain(servers) }

    /// Lets the routing rules follow the host's network, and sets the resolvers again where somebody has changed them.
    func networkDidChange() async throws { try await host?.networkDidChange() }

    /// Sets the resolvers again where somebody has changed them.
    func refreshResolvers() async { await host?.refreshResolvers() }

    /// Of the device; nil for one that was given.
    var interfaceIndex: UInt32? { host?.interfaceIndex }

    /// Brings the device back after it has disappeared.
    ///
    /// - Returns: when to try again; nil if it is back.
    /// - Throws: `NetworkSetupError` for a device that somebody else has to bring back.
    func restoreDevice() async throws -> Duration? {
        guard let host else {
            throw NetworkSetupError(
                .tunMissing,
                "the device of --tun-fd has disappeared",
                advice: "start again with another one"
            )
        }
        return await host.restoreDevice()
    }

    /// Carries packets over connections.
    var relay: PacketRelay {
        PacketRelay(client: client, loop: loop, channelType: options.channelType, mtu: options.mtu == nil ? mtu : nil)
    }

    private static func warn(about information: ServerInformation?, _ options: UpOptions, _ logger: Logger) {
        guard let problem = information?.missingResolvers(for: options.dnsResolvers) else { return }
        logger.warning("names will not be resolved through the tunnel", metadata: ["reason": "\(problem)"])
    }

    private func report(refused: [IPPrefix]) {
        for prefix in refused {
            logger.notice(
                "refused on this host, because the tunnel does not carry it",
                metadata: ["family": "\(prefix.network.isIPv4 ? "IPv4" : "IPv6")"]
            )
        }
    }

    private static func client(
        _ configuration: ClientConfiguration,
        _ device: sending any PacketDevice,
        _ loop: EventLoop,
        _ logger: Logger
    ) throws(ConfigurationError) -> LoopBound<PacketTunnelClient> {
        let client = try PacketTunnelClient(configuration: configuration, loop: loop, device: device, logger: logger)
        return LoopBound(client, on: loop)
    }

    /// Takes everything back.
    ///
    /// - Parameter isStopped: false if the client ends against its user's will: then the kill switch stays.
    func takeDown(isStopped: Bool = true) async {
        await host?.undo()
        await withCheckedContinuation { continuation in
            client.execute { client in
                client.stop()
                continuation.resume()
            }
        }
        if isStopped { await host?.unprotect() }
    }

    /// For the line that says the tunnel is up.
    func description(_ framing: ChannelFraming, _ security: TransportSecurity?) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["channel": "\(framing.channelType)", "device": "\(deviceName)"]
        if let security { metadata["security"] = "\(security)" }
        guard host != nil else { return metadata }
        metadata["addresses"] = .array([options.address, options.address6].compactMap { $0 }.map { "\($0)" })
        return metadata
    }
}
