public import IPPacket

extension HostNetwork {
    /// The networks whose hosts are reached without a router: of the routes without a gateway, and of the interfaces' own
    /// addresses, which need no route.
    ///
    /// A default route without a gateway, as a point-to-point link has, is none, nor are the two halves of one. Networks
    /// that lie in others of them are left out.
    ///
    /// - Parameter interfaceIndex: the interface whose own do not count.
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public static func onLinkNetworks(ignoring interfaceIndex: UInt32) throws(NetworkSetupError) -> [IPPrefix] {
        let routes = try routes().filter {
            $0.kind == .unicast && $0.gateway == nil && $0.interfaceIndex != 0 && $0.interfaceIndex != interfaceIndex
        }
        let addresses = try addresses(ignoring: interfaceIndex)
        let networks = Set(routes.map(\.destination) + addresses.map(\.prefix)).filter { $0.length > 1 }
        // The shorter ones first: whatever they contain comes after them.
        return networks.sorted { ($0.length, $0.network.bits) < ($1.length, $1.network.bits) }
            .reduce(into: []) { kept, network in
                if !kept.contains(where: { $0.contains(network.network) }) { kept.append(network) }
            }
    }
}
