internal import EventLoops
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import TunnelConfiguration

/// What the client has made of this host for its tunnel: a tun device, addresses, routes, resolvers, and a kill switch where
/// it is asked for. One task uses it.
struct HostSetup {
    private let device: TunDevice
    private let setup: InterfaceSetup
    private let resolvers: ResolverSetup?
    private let protection: TunnelProtection?
    private let restorer: DeviceRestorer
    private let logger: Logger

    /// What the options say about changing the network of this host.
    static func networkOptions(_ options: UpOptions, _ logger: Logger) -> NetworkSetupOptions {
        var network = NetworkSetupOptions(usesSudo: options.usesSudo, logger: logger)
        network.allowsMissingIPv6 = options.allowsNoIPv6
        // A kernel without IPv6 sends no IPv6 packet past the tunnel.
        network.allowsKernelWithoutIPv6 = true
        network.missingIPv6Setting = "--allow-no-ipv6"
        return network
    }

    /// - Throws: `NetworkSetupError`.
    static func openDevice(
        _ options: UpOptions,
        _ network: NetworkSetupOptions,
        mtu: Int,
        loop: EventLoop
    ) async throws -> TunDevice {
        try await TunDevice.open(
            name: options.device ?? TunDevice.defaultName,
            mtu: mtu,
            loops: [loop],
            options: network
        )
    }

    /// Sets the host up for a device.
    ///
    /// - Parameters:
    ///   - resolvers: the addresses that programs are to ask.
    ///   - disappeared: called on the device's loop when somebody has removed it.
    /// - Throws: `NetworkSetupError`; nothing is left behind then.
    init(
        _ device: TunDevice,
        _ options: UpOptions,
        _ setupOptions: NetworkSetupOptions,
        _ network: ClientNetwork,
        _ resolvers: [IPAddress],
        disappeared: @escaping @Sendable () -> Void
    ) async throws {
        self.device = device
        logger = setupOptions.logger
        setup = try await InterfaceSetup.client(network, device: device, options: setupOptions)
        protection = TunnelProtection(options, setupOptions, interface: device.name)
        do {
            self.resolvers = try await TunnelResolvers(options, setupOptions).start(resolvers, interface: device.name)
        } catch {
            await setup.undo()
            throw error
        }
        restorer = DeviceRestorer(device, setup, options: setupOptions, disappeared: disappeared)
    }

    var interfaceIndex: UInt32 { device.index }

    /// Keeps the way to a server out of the tunnel, from now on.
    func admit(_ server: ServerEndpoint) async throws {
        try await protection?.admit(server)
        try await setup.admit(server)
    }

    /// Puts the kill switch up, if it is asked for, or up to date.
    func protect(names: [String]) async throws { try await protection?.arm(names: names) }

    /// Takes the kill switch down.
    func unprotect() async { await protection?.disarm(logger: logger) }

    /// Keeps the way to these servers out of the tunnel, and to no others.
    func retain(_ servers: [ServerEndpoint]) async throws { try await setup.retain(servers) }

    /// Lets the routing rules follow the host's network, and sets the resolvers again where somebody has changed them.
    func networkDidChange() async throws {
        try await setup.networkDidChange()
        try await protection?.update()
        await refreshResolvers()
    }

    /// Sets the resolvers again where somebody has changed them.
    func refreshResolvers() async {
        if let resolvers { await TunnelResolvers.refresh(resolvers, logger: logger) }
    }

    /// Brings the device back after it has disappeared.
    ///
    /// - Returns: when to try again; nil if it is back.
    func restoreDevice() async -> Duration? { await restorer.restore() }

    /// Takes everything back but the kill switch.
    func undo() async {
        await resolvers?.undo()
        await setup.undo()
    }
}
