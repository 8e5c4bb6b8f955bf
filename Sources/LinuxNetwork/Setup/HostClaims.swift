public import IPPacket

/// The addresses that the host itself uses: what an address pool must not contain, because the tun would take their packets.
public struct HostClaims: Sendable {
    /// One use.
    public struct Claim: Hashable, Sendable, CustomStringConvertible {
        /// The addresses.
        public var network: IPPrefix
        /// The owner of the addresses, for example `route 10.1.0.0/16 dev eth0`.
        public var description: String
    }

    /// All of them.
    public var claims: [Claim] = []

    /// Adds addresses that the host needs for another reason.
    ///
    /// - Parameter what: for example `resolver`.
    public mutating func add(_ addresses: [IPAddress], _ what: String) {
        claims += addresses.map { Claim(network: IPPrefix(only: $0), description: "\(what) \($0)") }
    }

    /// Adds networks that somebody needs for another reason.
    public mutating func add(_ networks: [IPPrefix], _ what: String) {
        claims += networks.map { Claim(network: $0, description: "\(what) \($0)") }
    }

    /// The routes, addresses and gateways of the host now.
    ///
    /// Default routes, also in the form of two halves, are no use of what they cover: every pool is more specific.
    ///
    /// - Parameter interfaceIndex: the interface whose own do not count; 0 for none.
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public static func now(ignoring interfaceIndex: UInt32 = 0) throws(NetworkSetupError) -> HostClaims {
        var found = HostClaims()
        for address in try HostNetwork.addresses(ignoring: interfaceIndex) {
            found.claims.append(Claim(network: address.prefix, description: "address \(address)"))
        }
        let routes = try HostNetwork.routes().filter { interfaceIndex == 0 || $0.interfaceIndex != interfaceIndex }
        for route in routes where route.destination.length > 1 {
            guard ![.broadcast, .multicast, .anycast].contains(route.kind) else { continue }
            found.claims.append(Claim(network: route.destination, description: "route \(route)"))
        }
        // A gateway need not lie on a network of the host, and the route to it may be the default one.
        found.add(routes.compactMap(\.gateway), "gateway")
        return found
    }

    /// The first use that shares addresses with `pool`; nil if it is free.
    public func clash(with pool: IPPrefix) -> Claim? {
        claims.first { $0.network.network.isIPv4 == pool.network.isIPv4 && $0.network.overlaps(pool) }
    }

    /// Throws if a pool is not free.
    ///
    /// - Parameter keyword: the setting to name.
    /// - Throws: `NetworkSetupError` of the kind `poolClash`, which names both.
    public func check(_ pool: IPPrefix, _ keyword: String) throws(NetworkSetupError) {
        guard let claim = clash(with: pool) else { return }
        throw NetworkSetupError(
            .poolClash,
            "\(keyword) \(pool) clashes with the host's \(claim)",
            advice: "choose an \(keyword) that the host does not use, or auto"
        )
    }
}
