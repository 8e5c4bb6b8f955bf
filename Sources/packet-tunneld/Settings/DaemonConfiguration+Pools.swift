internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import TunnelConfiguration

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
