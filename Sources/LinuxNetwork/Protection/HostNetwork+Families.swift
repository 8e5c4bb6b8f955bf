internal import Glibc
public import IPPacket

extension HostNetwork {
    /// The networks that this host reaches without a gateway, and what is sent to all of their hosts at once.
    ///
    /// - Parameter interface: a tunnel, which is no local network.
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public static func localNetworks(besides interface: String) throws(NetworkSetupError) -> [IPPrefix] {
        let index = if_nametoindex(interface)
        let onLink = try routes().filter {
            $0.table == Route.mainTable && $0.kind == .unicast && $0.gateway == nil && $0.destination.length > 0
                && $0.interfaceIndex != index
        }
        let toAll = ["224.0.0.0/4", "255.255.255.255/32", "fe80::/10", "ff00::/8"].compactMap { IPPrefix($0) }
        return Array(Set(onLink.map(\.destination) + toAll))
    }

    /// The address families for which an interface has a way beyond its own links, or any interface if none is named.
    ///
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public static func families(through interface: String? = nil) throws(NetworkSetupError) -> Set<IPVersion> {
        var found: Set<IPVersion> = []
        for version in IPVersion.allCases {
            let hasWay = try routes(version).contains {
                $0.kind == .unicast && ($0.gateway != nil || $0.destination.length == 0)
                    && (interface == nil || $0.interfaceName == interface)
            }
            if hasWay { found.insert(version) }
        }
        return found
    }
}
