internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import TunnelConfiguration

extension ClientNetwork {
    /// What the options say about the host's network. The resolvers' addresses lead into the tunnel by themselves.
    ///
    /// - Parameter served: the families that the server has; nil if it does not say.
    init(_ options: UpOptions, resolvers: [IPAddress], servers: [ServerEndpoint], served: [IPVersion]?) {
        let refused = options.refusedRoutes(served: served)
        let routes = options.routes.filter { !refused.contains($0) }
        let addresses = [options.address, options.address6].compactMap { $0 }
        let resolvers = resolvers.map { IPPrefix($0, length: $0.isIPv4 ? 32 : 128) }
        self.init(
            addresses: addresses.map { LinuxNetwork.InterfaceAddress($0.address, prefixLength: $0.prefixLength) },
            routes: routes + resolvers.filter { !routes.contains($0) },
            servers: servers,
            queueLength: 1_000
        )
        // A kernel without IPv6 sends none.
        unreachable = refused.filter { $0.network.isIPv4 || access("/proc/sys/net/ipv6", F_OK) == 0 }
        excluded = options.excluded
        allowsLocalNetwork = options.allowsLocalNetwork
    }
}
