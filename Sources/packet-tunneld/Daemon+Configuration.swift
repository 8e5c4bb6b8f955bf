internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

extension NetworkSetupOptions {
    /// What the configuration says about changing the host's network.
    init(_ configuration: DaemonConfiguration, logger: Logger) {
        self.init(logger: logger)
        stateDirectory = configuration.stateDirectory
        usesSudo = configuration.usesSudo
        allowsMissingIPv6 = configuration.allowsNoIPv6
    }
}

extension DaemonConfiguration {
    /// The same with address pools of which the host uses nothing, where the choice is left to us.
    ///
    /// - Throws: `NetworkSetupError` of the kinds `poolClash`, `system`.
    func choosingPools(resolvers: [IPAddress], logger: Logger) throws(NetworkSetupError) -> DaemonConfiguration {
        var claims = try HostClaims.now()
        claims.add(resolvers, "resolver")
        claims.add(permittedNetworks.prefixes, "PermitNetworks")
        var chosen = self
        for (path, preferred) in [
            (\DaemonConfiguration.addressPool, TunnelDefaults.ipv4Pool),
            (\DaemonConfiguration.addressPool6, TunnelDefaults.ipv6Pool),
        ] where self[keyPath: path] == nil {
            let pool = try PoolChoice.choose(preferred, among: claims)
            chosen[keyPath: path] = pool
            guard let claim = claims.clash(with: preferred) else { continue }
            logger.notice(
                "another address pool is chosen",
                metadata: ["pool": "\(pool)", "instead_of": "\(preferred)", "used": "\(claim)"]
            )
        }
        return chosen
    }

    /// The pools that sessions get their addresses from.
    var pools: (ipv4: IPPrefix, ipv6: IPPrefix) {
        (addressPool ?? TunnelDefaults.ipv4Pool, addressPool6 ?? TunnelDefaults.ipv6Pool)
    }
}

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

extension SSHServerConfiguration {
    /// What the configuration says about SSH.
    init(_ live: LiveConfiguration, logger: Logger) {
        let configuration = live.current
        self.init()
        // Nobody needs to say that nothing listens on IPv6 where there is none.
        let lacksIPv6 = (configuration.listenAddresses.isEmpty || configuration.allowsNoIPv6) && KernelIPv6.isAbsent
        listenAddresses = configuration.endpoints.filter { $0.address.isIPv4 || !lacksIPv6 }
            .map { ListenAddress($0.address, port: $0.port) }
        hostKeyFiles = configuration.hostKeyFiles
        loginGraceTime = configuration.loginGraceTime
        maxAuthTries = configuration.maxAuthenticationTries
        maxStartups = configuration.maxStartups
        perSourceMaxStartups = configuration.perSourceMaxStartups
        netBlockSize = NetBlockSize(
            ipv4: configuration.perSourceNetBlockSize.ipv4,
            ipv6: configuration.perSourceNetBlockSize.ipv6
        )
        penalties = Penalties(configuration)
        clientAliveInterval = configuration.clientAliveInterval
        clientAliveCountMax = configuration.clientAliveCountMax
        rekeyLimitBytes = configuration.rekeyLimit.bytes ?? 0
        rekeyInterval = configuration.rekeyLimit.interval ?? .zero
        permitsCompression = configuration.permitsCompression
        congestionControl = configuration.congestionControl
        ciphers = configuration.ciphers
        macs = configuration.macs
        keyExchanges = configuration.keyExchanges
        let store = KeyStore(live, logger: logger)
        loadKeys = { user, done in
            store.load(user) { keys in
                done { key, address in
                    // The scope of a link-local address is the link it came by, and no part of any rule.
                    guard let source = IPAddress(String(address.prefix { $0 != "%" })) else {
                        return .failure(.user("its address \(address) cannot be read"))
                    }
                    if let reason = live.current.refusal(of: user, from: source) { return .failure(.user(reason)) }
                    return keys.authorize(key, address)
                }
            }
        }
    }
}

extension AlgorithmSupport {
    /// What the library that is linked in can do.
    static let library = AlgorithmSupport(library: "libssh \(SSHLibrary.version)") { kind, name in
        switch kind {
        case .cipher: SSHLibrary.knows(name, in: .cipher)
        case .mac: SSHLibrary.knows(name, in: .mac)
        case .keyExchange: SSHLibrary.knows(name, in: .keyExchange)
        }
    }
}

extension SSHServerConfiguration.Penalties {
    /// What the configuration refuses sources for.
    init(_ configuration: DaemonConfiguration) {
        self.init()
        exemptions = configuration.penaltyExemptions
        guard let penalties = configuration.perSourcePenalties else {
            isEnabled = false
            return
        }
        authenticationFailure = penalties.authenticationFailure
        invalidUser = penalties.invalidUser
        noAuthentication = penalties.noAuthentication
        graceExceeded = penalties.graceExceeded
        least = penalties.least
        greatest = penalties.greatest
        sourceLimitIPv4 = penalties.sourceLimitIPv4
        sourceLimitIPv6 = penalties.sourceLimitIPv6
        overflowIPv4 = penalties.overflowIPv4 == .denyAll ? .denyAll : .permissive
        overflowIPv6 = penalties.overflowIPv6 == .denyAll ? .denyAll : .permissive
    }
}

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

/// How many event loops suit this machine.
enum ProcessorCount {
    /// Processors that this process may run on.
    static var available: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
