internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import TunnelConfiguration

extension TrafficPolicy {
    /// What the configuration lets through on this host as it is now.
    ///
    /// - Parameter interfaceIndex: the tun, whose networks are the pools.
    /// - Throws: `NetworkSetupError` of the kind `system`.
    init(_ configuration: DaemonConfiguration, ignoring interfaceIndex: UInt32) throws(NetworkSetupError) {
        var icmp: ICMP = []
        if configuration.permittedICMP.permitsErrors { icmp.insert(.errors) }
        if configuration.permittedICMP.permitsEcho { icmp.insert(.echo) }
        self.init(deniedNetworks: [], permittedICMP: icmp)
        switch configuration.deniedNetworks {
        case .none: break
        case .only(let networks): deniedNetworks = networks
        case .default(let more):
            deniedNetworks = TrafficPolicy.defaultDeniedNetworks + more
            deniedNetworks += try HostNetwork.onLinkNetworks(ignoring: interfaceIndex).filter { network in
                !deniedNetworks.contains { $0.length <= network.length && $0.contains(network.network) }
            }
        }
        refusals = configuration.refusals == .reject ? .reject : .drop
        fragments = configuration.fragments == .carry ? .carry : .refuse
        permittedNetworks = configuration.permittedNetworks.prefixes
        // Not even by the host's outer address do clients reach the host, or each other.
        let own = try HostNetwork.addresses().map { IPPrefix($0.address, length: $0.address.isIPv4 ? 32 : 128) }
        alwaysDeniedNetworks = TrafficPolicy.neverRouted + own
    }
}

extension TrafficPolicy {
    /// For a log line: what came and went among the networks that no packet may go to. Nil for nothing.
    func change(since old: TrafficPolicy) -> Logger.Metadata? {
        let (old, new) = (Set(old.refusedNetworks), Set(refusedNetworks))
        guard old != new else { return nil }
        let texts = { (networks: Set<IPPrefix>) in networks.map(\.description).sorted().joined(separator: " ") }
        return ["denied": "\(texts(new.subtracting(old)))", "no_longer_denied": "\(texts(old.subtracting(new)))"]
    }

    private var refusedNetworks: [IPPrefix] { deniedNetworks + alwaysDeniedNetworks }
}
