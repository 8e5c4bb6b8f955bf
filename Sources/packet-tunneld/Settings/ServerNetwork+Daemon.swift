internal import IPPacket
internal import LinuxNetwork
internal import TunnelConfiguration

extension ServerNetwork {
    /// What the configuration says about the host's network.
    init(_ configuration: DaemonConfiguration, resolvers: [IPAddress]) {
        self.init(
            pool: configuration.pools.ipv4,
            pool6: configuration.pools.ipv6,
            egressInterface: configuration.egressInterface,
            resolvers: resolvers,
            queueLength: 1_000
        )
    }
}
