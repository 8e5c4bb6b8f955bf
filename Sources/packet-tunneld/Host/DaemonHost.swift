internal import EventLoops
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import TunnelConfiguration

/// What the daemon has made of this host: its tun device, and the network around it.
struct DaemonHost {
    /// The settings of the start, with pools that the host uses nothing of.
    let configuration: DaemonConfiguration
    let options: NetworkSetupOptions
    let resolvers: HostResolvers
    let device: TunDevice
    let setup: InterfaceSetup

    /// Removes what a run that was killed has left, and sets the host up.
    ///
    /// - Throws: `NetworkSetupError`; nothing is left behind then.
    init(_ live: LiveConfiguration, loops: [EventLoop], logger: Logger) async throws {
        options = NetworkSetupOptions(live.current, logger: logger)
        await InterfaceSetup.removeLeftovers(options)
        resolvers = HostResolvers(live.current, logger: logger)
        configuration = try live.current.choosingPools(resolvers: resolvers.addresses, logger: logger)
        device = try await TunDevice.open(
            name: configuration.tunDevice,
            mtu: configuration.mtu,
            loops: loops,
            options: options
        )
        setup = try await InterfaceSetup.server(
            ServerNetwork(configuration, resolvers: resolvers.addresses),
            device: device,
            options: options
        )
    }

    /// The core on the device. No lease of an earlier run is left, but the kernel may well remember its connections, which
    /// are forgotten first.
    ///
    /// - Throws: `NetworkSetupError`, `ConfigurationError`.
    func makeServer(_ policy: TrafficPolicy, loops: [EventLoop]) async throws -> PacketTunnelServer {
        try await ConnectionTracking.forget([configuration.pools.ipv4, configuration.pools.ipv6], options: options)
        return try PacketTunnelServer(
            configuration: ServerConfiguration(
                configuration,
                policy: policy,
                resolvers: resolvers,
                options: options
            ),
            lanes: zip(loops, device.lanes).map { PacketTunnelServer.Lane(loop: $0, device: $1) },
            logger: options.logger
        )
    }
}
