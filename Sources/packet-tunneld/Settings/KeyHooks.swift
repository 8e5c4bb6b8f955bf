internal import IPPacket
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

/// The rules for one client: those of the configuration, narrowed by the options of its key.
struct KeyHooks {
    private let tcpPorts: PortSet
    private let udpPorts: PortSet
    private let deniedDomains: [String]
    private let restrictions: TunnelRestrictions
    private let deniedNetworks: [IPPrefix]
    private let dnsQuality: DNSQuality?

    init(_ configuration: DaemonConfiguration, _ restrictions: TunnelRestrictions, _ dnsQuality: DNSQuality?) {
        tcpPorts = configuration.permittedTCPPorts
        udpPorts = configuration.permittedUDPPorts
        deniedDomains = configuration.deniedDomains.map(\.description) + restrictions.deniedDomains
        self.restrictions = restrictions
        self.dnsQuality = dnsQuality
        deniedNetworks = restrictions.deniedNetworks
    }

    /// Sessions of one key, used or not, unless its line says otherwise with `sessions=`: half of the addresses, 1,024 at
    /// most.
    static func sessionShare(of server: PacketTunnelServer) -> Int {
        min(1_024, max(1, server.addressPool.capacity / 2))
    }

    /// The hooks that the core asks.
    func hooks(for server: PacketTunnelServer) -> ClientHooks {
        var hooks = ClientHooks()
        hooks.allowsTCPPort = checker(tcpPorts)
        hooks.allowsUDPPort = checker(udpPorts)
        if !deniedNetworks.isEmpty {
            let networks = deniedNetworks
            hooks.allowsEcho = { address in !networks.contains { $0.contains(address) } }
        }
        hooks.rateLimitInBytesPerSecond = restrictions.rateBytesPerSecond
        hooks.maximumSessions = restrictions.maximumSessions ?? Self.sessionShare(of: server)
        if !deniedDomains.isEmpty { hooks.allowsDomain = domainChecker }
        if let dnsQuality {
            hooks.reportDNSQuality = { dnsQuality.count(received: $0, nanoseconds: $1, resolver: $2) }
        }
        return hooks
    }

    private func checker(_ ports: PortSet) -> AllowedPortChecker {
        let permitted = restrictions.permittedPorts
        let networks = deniedNetworks
        return { address, port in
            guard ports.contains(port) else { return false }
            if let permitted, !permitted.contains(where: { $0.contains(port) }) { return false }
            return !networks.contains { $0.contains(address) }
        }
    }

    private var domainChecker: AllowedDomainChecker {
        let denied = Set(deniedDomains)
        return { domain in
            var rest = domain[...]
            while true {
                if denied.contains(String(rest)) { return false }
                guard let dot = rest.firstIndex(of: ".") else { return true }
                rest = rest[rest.index(after: dot)...]
            }
        }
    }
}
