internal import Glibc
public import IPPacket

/// What the server's host has to do for its clients.
public struct ServerNetwork: Sendable {
    /// The IPv4 addresses of sessions; the host takes the first one.
    public var pool: IPPrefix
    /// The IPv6 addresses of sessions; the host takes the first one.
    public var pool6: IPPrefix
    /// The interface through which the clients' packets leave; nil or empty for those of the default routes.
    public var egressInterface: String?
    /// Resolvers that clients are sent to. They may run on this host: port 53 of these addresses is the only thing of
    /// the host that clients reach.
    public var resolvers: [IPAddress]
    /// Packets that wait in each queue of the tun for the server to read them; nil for the kernel's choice (500).
    public var queueLength: Int?

    /// A server that finds its egress interface by the default routes.
    public init(
        pool: IPPrefix,
        pool6: IPPrefix,
        egressInterface: String? = nil,
        resolvers: [IPAddress] = [],
        queueLength: Int? = nil
    ) {
        self.pool = pool
        self.pool6 = pool6
        self.egressInterface = egressInterface
        self.resolvers = resolvers
        self.queueLength = queueLength
    }

    /// The interfaces through which packets leave, by family.
    ///
    /// A host with a default route of one family only sends both the same way: then the other family's packets are
    /// answered as unreachable.
    ///
    /// - Throws: `NetworkSetupError` of the kinds `noEgress`, `unknownInterface`, `system`.
    public func egressInterfaces() throws(NetworkSetupError) -> (ipv4: String, ipv6: String) {
        if let name = egressInterface, !name.isEmpty {
            guard if_nametoindex(name) != 0 else {
                throw NetworkSetupError(
                    .unknownInterface,
                    "EgressInterface \(name) does not exist",
                    advice: "`ip link` lists the interfaces"
                )
            }
            return (name, name)
        }
        let ipv4 = try HostNetwork.defaultRoute(.v4)?.interfaceName
        let ipv6 = try HostNetwork.defaultRoute(.v6)?.interfaceName
        guard let first = ipv4 ?? ipv6 else {
            throw NetworkSetupError(
                .noEgress,
                "no default route says which interface leads to the internet",
                advice: "name it with EgressInterface"
            )
        }
        return (ipv4 ?? first, ipv6 ?? first)
    }

    /// Throws if a pool shares addresses with what the host uses, the tun's own apart: routes, addresses, gateways, and
    /// resolvers, without which the host itself would have no DNS.
    ///
    /// - Throws: `NetworkSetupError` of the kind `poolClash`, which names both.
    public func checkPools(ignoring interfaceIndex: UInt32 = 0) throws(NetworkSetupError) {
        var claims = try HostClaims.now(ignoring: interfaceIndex)
        claims.add(resolvers, "resolver")
        try claims.check(pool, "AddressPool")
        try claims.check(pool6, "AddressPool6")
    }

    /// The packet filter that goes with this network.
    func table(interface: String, egress: (ipv4: String, ipv6: String)) -> FirewallTable {
        FirewallTable(
            interface: interface,
            pools: [(pool, egress.ipv4), (pool6, egress.ipv6)],
            resolvers: resolvers
        )
    }
}

extension InterfaceSetup {
    /// Makes a server of the host: addresses, packet filter and masquerading, forwarding.
    ///
    /// The packet filter stands before anything is forwarded. On an error everything is taken back.
    ///
    /// - Throws: `NetworkSetupError`.
    public static func server(
        _ network: ServerNetwork,
        device: TunDevice,
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> InterfaceSetup {
        await removeLeftovers(options)
        try network.checkPools(ignoring: device.index)
        let egress = try network.egressInterfaces()
        let setup = try InterfaceSetup(device: device, options: options)
        do {
            try await setup.makeServer(network, device: device, egress: egress)
        } catch {
            await setup.undo()
            throw error
        }
        return setup
    }

    private func makeServer(
        _ network: ServerNetwork,
        device: TunDevice,
        egress: (ipv4: String, ipv6: String)
    ) async throws(NetworkSetupError) {
        let table = network.table(interface: interface, egress: egress)
        try await make(.makeTable(name: table.name, rules: table.rules))
        try await make(.addAddress(network.pool.serverAddress, interface: interface))
        try await makeIPv6(
            ipv6Preparation + [.addAddress(network.pool6.serverAddress, interface: interface)]
        )
        try await make(.bringUp(interface: interface, mtu: device.mtu, queueLength: network.queueLength))
        for change in ForwardingChanges.ipv4(interface: interface, egress: egress.ipv4) { try await make(change) }
        try await makeIPv6(ForwardingChanges.ipv6(interface: interface, egress: egress.ipv6))
    }
}

extension IPPrefix {
    /// The server's own address in a pool: index 1.
    var serverAddress: InterfaceAddress {
        InterfaceAddress(IPAddress(bits: network.bits | 1), prefixLength: length)
    }
}
