internal import LinuxNetwork
internal import PacketTunnel
internal import TunnelConfiguration

extension ServerConfiguration {
    /// What the configuration says about sessions and traffic.
    init(
        _ configuration: DaemonConfiguration,
        policy: TrafficPolicy,
        resolvers: HostResolvers,
        options: NetworkSetupOptions
    ) {
        self.init()
        mtu = configuration.mtu
        ipv4Pool = configuration.pools.ipv4
        ipv6Pool = configuration.pools.ipv6
        downstreamQueueLimitInBytes = Int(clamping: configuration.queueLimitInBytes)
        sessionExpiry = configuration.sessionExpiry
        flowLimit = configuration.maxFlows
        self.policy = policy
        dnsResolvers = { DNSResolvers(resolvers.addresses) }
        forgetConnections = { try await ConnectionTracking.forget($0, options: options) }
    }
}
