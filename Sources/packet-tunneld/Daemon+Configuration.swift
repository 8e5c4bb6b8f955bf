internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

extension ServerNetwork {
    /// What the configuration says about the host's network.
    init(_ configuration: DaemonConfiguration) {
        self.init(
            pool: configuration.addressPool,
            pool6: configuration.addressPool6,
            egressInterface: configuration.egressInterface,
            resolvers: configuration.resolvers,
            queueLength: 1_000
        )
    }
}

extension ServerConfiguration {
    /// What the configuration says about sessions and traffic.
    init(_ configuration: DaemonConfiguration, options: NetworkSetupOptions) {
        self.init()
        mtu = configuration.mtu
        ipv4Pool = configuration.addressPool
        ipv6Pool = configuration.addressPool6
        downstreamQueueLimitInBytes = Int(clamping: configuration.queueLimitInBytes)
        sessionExpiry = configuration.sessionExpiry
        flowLimit = configuration.maxFlows
        policy = TrafficPolicy(configuration)
        // Not even by the host's outer address do clients reach the host, or each other.
        let own = (try? HostNetwork.addresses()) ?? []
        policy.deniedNetworks += own.map { IPPrefix($0.address, length: $0.address.isIPv4 ? 32 : 128) }
        let resolvers = configuration.dnsResolvers
        dnsResolvers = { DNSResolvers(resolvers.isEmpty ? SystemResolvers.addresses() : resolvers) }
        forgetConnections = { try await ConnectionTracking.forget($0, options: options) }
    }
}

extension SSHServerConfiguration {
    /// What the configuration says about SSH.
    init(_ live: LiveConfiguration, logger: Logger) {
        let configuration = live.current
        self.init()
        listenAddresses = configuration.endpoints.map { ListenAddress($0.address, port: $0.port) }
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
        refusals = configuration.refusals == .reject ? .reject : .drop
        fragments = configuration.fragments == .carry ? .carry : .refuse
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
