public import IPPacket

/// What the client's host sends into the tunnel.
public struct ClientNetwork: Sendable {
    /// Addresses of the tun. Any will do: the server rewrites them.
    public var addresses: [InterfaceAddress]
    /// Destinations that go through the tunnel. `0.0.0.0/0` and `::/0` stand for everything.
    public var routes: [IPPrefix]
    /// Destinations that are answered as unreachable instead, unless a longer one of `routes` holds them: a family that
    /// the tunnel does not carry and that must not pass it by.
    public var unreachable: [IPPrefix] = []
    /// Destinations that stay outside of the tunnel, whatever the routes say.
    public var excluded: [IPPrefix] = []
    /// Where servers listen, as far as that is known: kept out of the tunnel. Also `InterfaceSetup.admit`.
    public var servers: [ServerEndpoint]
    /// Lets every route of the main table that is no default route lead past a full tunnel. Otherwise those do that this
    /// host's own links have made or an administrator (`proto static`), and none that a DHCP server may have sent.
    public var allowsLocalNetwork = false
    /// Packets that wait in the tun for the client to read them; nil for the kernel's choice (500).
    public var queueLength: Int?

    /// A client with these addresses and routes.
    public init(
        addresses: [InterfaceAddress],
        routes: [IPPrefix] = [],
        servers: [ServerEndpoint] = [],
        queueLength: Int? = nil
    ) {
        self.addresses = addresses
        self.routes = routes
        self.servers = servers
        self.queueLength = queueLength
    }
}

extension InterfaceSetup {
    /// Gives the tun its addresses, keeps the way to the SSH server, and lays the routes into the tunnel.
    ///
    /// On an error everything is taken back.
    ///
    /// - Throws: `NetworkSetupError`.
    public static func client(
        _ network: ClientNetwork,
        device: TunDevice,
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> InterfaceSetup {
        await removeLeftovers(options)
        let setup = try InterfaceSetup(device: device, options: options)
        do {
            try await setup.makeClient(network, device: device)
        } catch {
            await setup.undo()
            throw error
        }
        return setup
    }

    private func makeClient(_ network: ClientNetwork, device: TunDevice) async throws(NetworkSetupError) {
        for address in network.addresses where address.address.isIPv4 {
            try await make(.addAddress(address, interface: interface))
        }
        let addresses6 = network.addresses.filter { !$0.address.isIPv4 }
        if !addresses6.isEmpty {
            try await makeIPv6(ipv6Preparation + addresses6.map { .addAddress($0, interface: interface) })
        }
        try await make(.bringUp(interface: interface, mtu: device.mtu, queueLength: network.queueLength))
        try await makeRoutes(network)
    }
}

extension IPPrefix {
    /// A default route as its two halves; any other prefix itself.
    var withoutDefault: [IPPrefix] {
        guard length == 0 else { return [self] }
        let upperBit = UInt128(1) << UInt128(network.isIPv4 ? 31 : 127)
        return [IPPrefix(network, length: 1), IPPrefix(IPAddress(bits: network.bits | upperBit), length: 1)]
    }
}
