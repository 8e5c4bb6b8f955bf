internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// How large packets may be on the way out of a server.
public struct EgressMTU: Hashable, Sendable {
    /// Bytes of the largest IPv4 packet; nil where no IPv4 packet leaves.
    public var ipv4: Int?
    /// The same for IPv6.
    public var ipv6: Int?

    /// Asks the kernel for the interfaces through which clients' packets leave, and for their MTUs. Waits for the answer, so
    /// not for an event loop's thread.
    ///
    /// - Parameter interface: the name of the one interface for both families; nil for those of the default routes.
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public init(interface: String?) throws(NetworkSetupError) {
        if let interface {
            let mtu = try Self.mtu(ofInterface: if_nametoindex(interface))
            (ipv4, ipv6) = (mtu, mtu)
        } else {
            ipv4 = try Self.mtu(ofInterface: HostNetwork.defaultRoute(.v4)?.interfaceIndex ?? 0)
            ipv6 = try Self.mtu(ofInterface: HostNetwork.defaultRoute(.v6)?.interfaceIndex ?? 0)
        }
    }

    /// The MTU of an interface; nil if there is none with this index.
    private static func mtu(ofInterface index: UInt32) throws(NetworkSetupError) -> Int? {
        guard index != 0 else { return nil }
        do {
            var socket = try NetlinkSocket(family: NETLINK_ROUTE)
            var mtu: UInt32?
            try socket.query(RouteMessages.link(index: index)) { answer in
                let attributes = answer.attributes(after: MemoryLayout<ifinfomsg>.size)
                mtu = attributes.uint32(IFLA_MTU) ?? mtu
            }
            return mtu.map(Int.init)
        } catch {
            if error.code == ENODEV { return nil }
            throw .system("look up the MTU of interface \(index)", code: error.code, detail: error.detail)
        }
    }
}

extension RouteMessages {
    /// Asks for one interface.
    fileprivate static func link(index: UInt32) -> NetlinkMessage {
        var fixed = ifinfomsg()
        fixed.ifi_family = UInt8(AF_UNSPEC)
        fixed.ifi_index = Int32(index)
        return NetlinkMessage(type: RTM_GETLINK, fixed)
    }
}
