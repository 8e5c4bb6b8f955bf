internal import Glibc
internal import IPPacket
internal import LinuxTun
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

extension ServerNetwork {
    /// What the configuration says about the host's network.
    init(_ configuration: DaemonConfiguration) {
        self.init(
            pool: configuration.addressPool, pool6: configuration.addressPool6,
            egressInterface: configuration.egressInterface, resolvers: configuration.resolvers,
            queueLength: 1_000)
    }
}

extension ServerConfiguration {
    /// What the configuration says about sessions and traffic.
    init(_ configuration: DaemonConfiguration) {
        self.init()
        mtu = configuration.mtu
        ipv4Pool = configuration.addressPool
        ipv6Pool = configuration.addressPool6
        downstreamQueueLimitInBytes = Int(clamping: configuration.queueLimitInBytes)
        sessionExpiry = configuration.sessionExpiry
        flowLimit = configuration.maxFlows
        policy = TrafficPolicy(configuration)
        let resolvers = configuration.dnsResolvers
        dnsResolvers = { DNSResolvers(resolvers.isEmpty ? SystemResolvers.addresses() : resolvers) }
    }
}

extension TrafficPolicy {
    /// What the configuration lets through.
    init(_ configuration: DaemonConfiguration) {
        var icmp: ICMP = []
        if configuration.permittedICMP.permitsErrors { icmp.insert(.errors) }
        if configuration.permittedICMP.permitsEcho { icmp.insert(.echo) }
        let denied =
            switch configuration.deniedNetworks {
            case .default(let more): TrafficPolicy.defaultDeniedNetworks + more
            case .only(let networks): networks
            case .none: [IPPrefix]()
            }
        self.init(deniedNetworks: denied, permittedICMP: icmp)
    }
}

extension DaemonConfiguration {
    /// The resolvers behind the transparent addresses as they are now.
    var resolvers: [IPAddress] { dnsResolvers.isEmpty ? SystemResolvers.addresses() : dnsResolvers }
}

/// How many event loops suit this machine.
enum ProcessorCount {
    /// Processors that this process may run on.
    static var available: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
