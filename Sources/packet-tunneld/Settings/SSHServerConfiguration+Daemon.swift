internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import OpenSSHSyntax
internal import SSHTransport
internal import TunnelConfiguration

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
