internal import LinuxNetwork
internal import Logging
internal import PacketTunnel

/// Keeps a server informed about how large packets may be on the way out.
struct EgressWatch {
    let server: PacketTunnelServer
    /// The interface that the configuration names; nil for those of the default routes.
    let interface: String?
    let logger: Logger

    /// Asks the kernel, and tells the server. Waits for the kernel, so not for an event loop's thread.
    func update() {
        do {
            let mtu = try EgressMTU(interface: interface)
            server.setEgressMTU(ipv4: mtu.ipv4, ipv6: mtu.ipv6)
            logger.debug("egress MTU", metadata: ["ipv4": "\(mtu.ipv4 ?? 0)", "ipv6": "\(mtu.ipv6 ?? 0)"])
        } catch {
            logger.warning("the egress MTU is unknown", metadata: ["reason": "\(error)"])
        }
    }
}
