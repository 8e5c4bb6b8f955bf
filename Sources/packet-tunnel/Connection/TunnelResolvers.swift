internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import TunnelConfiguration

/// What `--dns`, `--dns-setup` and `--dns-search` do to this host.
struct TunnelResolvers {
    private let options: UpOptions
    private let network: NetworkSetupOptions

    init(_ options: UpOptions, _ network: NetworkSetupOptions) {
        self.options = options
        self.network = network
    }

    /// The addresses that programs ask: those of `--dns`, or else the server's own, where they are wanted.
    static func addresses(_ options: UpOptions, _ configuration: ClientConfiguration) -> [IPAddress] {
        guard options.dnsResolvers.isEmpty, options.setsDNS else { return options.dnsResolvers }
        let transparent = configuration.transparentDNSAddresses
        return (options.address == nil ? [] : transparent.ipv4) + (options.address6 == nil ? [] : transparent.ipv6)
    }

    /// Makes programs ask these addresses, and says what was done.
    ///
    /// - Returns: the way back; nil if nothing was changed.
    /// - Throws: `NetworkSetupError` if the method was chosen by hand.
    func start(_ addresses: [IPAddress], interface: String) async throws(NetworkSetupError) -> ResolverSetup? {
        guard let method = ResolverMethod(options.dnsSetup), options.setsDNS else {
            sayThatNothingIsSet()
            return nil
        }
        do throws(NetworkSetupError) {
            guard !addresses.isEmpty else {
                throw NetworkSetupError(
                    .resolverSetup,
                    "the server names no resolver",
                    advice: "name one that can be reached through the tunnel with --dns, or say --dns-setup none"
                )
            }
            let settings = ResolverSettings(
                addresses,
                searchDomains: options.searchDomains.map(\.description),
                takesAllNames: options.hasDefaultRoute || options.searchDomains.isEmpty
            )
            let setup = try await ResolverSetup.start(settings, method: method, interface: interface, options: network)
            network.logger.notice(
                "DNS is set",
                metadata: ["resolvers": Self.list(addresses), "by": .array(setup.methods.map { "\($0)" })]
            )
            return setup
        } catch {
            guard options.dnsSetup == .automatic else { throw error }
            network.logger.warning("DNS is not set; names are looked up as before", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    /// Takes the resolvers again from a program that has replaced them, such as the new network's DHCP client.
    static func refresh(_ setup: ResolverSetup, logger: Logger) async {
        do {
            guard try await setup.refresh() else { return }
            logger.notice("DNS is set again; another program had changed it")
        } catch {
            logger.warning("DNS cannot be set again", metadata: ["reason": "\(error)"])
        }
    }

    private func sayThatNothingIsSet() {
        guard !options.dnsResolvers.isEmpty, options.tunFileDescriptor == nil else { return }
        network.logger.notice(
            "DNS is not set: the tunnel answers for the resolvers of --dns, but no program is told to ask them",
            metadata: [
                "resolvers": Self.list(options.dnsResolvers), "to_set_it": "--dns-setup file, resolved, resolvconf",
            ]
        )
    }

    private static func list(_ addresses: [IPAddress]) -> Logger.MetadataValue {
        .array(addresses.map { "\($0)" })
    }
}

extension ResolverMethod {
    /// Nil for none.
    fileprivate init?(_ choice: DNSSetupChoice) {
        switch choice {
        case .automatic: self = .automatic
        case .resolved: self = .resolved
        case .resolvconf: self = .resolvconf
        case .file: self = .file
        case .none: return nil
        }
    }
}
