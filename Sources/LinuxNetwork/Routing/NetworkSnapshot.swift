internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// What rules are derived from: interfaces, addresses and routes of the host, as they are at one moment.
struct NetworkSnapshot {
    /// An interface.
    struct Link: Hashable {
        var index: UInt32
        /// `ARPHRD_…` of `linux/if_arp.h`; 65534 (`ARPHRD_NONE`) for tun devices and WireGuard.
        var hardwareType: UInt16
    }

    /// An address of an interface.
    struct Address: Hashable {
        var value: InterfaceAddress
        var interfaceIndex: UInt32
    }

    /// Routes of the main table that send packets on.
    var routes: [Route]
    var links: [Link]
    var addresses: [Address]

    private static let noHardware: UInt16 = 0xfffe
    /// `RTPROT_UNSPEC`, `_REDIRECT`, `_BOOT` (which scripts of DHCP clients use, too), `_RA`, `_DHCP`: routes that the
    /// network may have sent.
    private static let sentOrigins: Set<UInt8> = [0, 1, 3, 9, 16]
    private static let dhcpOrigin: UInt8 = 16
    private static let kernelOrigin: UInt8 = 2

    /// Asks the kernel.
    ///
    /// - Throws: `NetworkSetupError` of the kind `system`.
    static func current() throws(NetworkSetupError) -> NetworkSnapshot {
        let routes = try HostNetwork.routes().filter { $0.table == Route.mainTable && $0.kind == .unicast }
        let links = try HostNetwork.query(RouteMessages.allLinks(), "list the host's interfaces") { answer -> Link? in
            guard let fixed = answer.load(ifinfomsg.self) else { return nil }
            return Link(index: UInt32(fixed.ifi_index), hardwareType: fixed.ifi_type)
        }
        let addresses = try HostNetwork.query(RouteMessages.allAddresses(), "list the host's addresses") { answer in
            InterfaceAddress(answer).flatMap { value in
                answer.load(ifaddrmsg.self).map { Address(value: value, interfaceIndex: $0.ifa_index) }
            }
        }
        return NetworkSnapshot(routes: routes, links: links, addresses: addresses)
    }

    /// Addresses that somebody outside may have reached this host by, whatever the tunnel carries.
    ///
    /// Addresses of other tunnels do not count unless a default route leads there: two of our tunnels may have the same address.
    func ownAddresses(besides interfaceIndex: UInt32) -> [IPAddress] {
        let uplinks = uplinks
        let bare = Set(links.filter { $0.hardwareType == Self.noHardware }.map(\.index)).subtracting(uplinks)
        let found = addresses.filter {
            $0.interfaceIndex != interfaceIndex && !bare.contains($0.interfaceIndex) && !$0.value.address.isLoopback
        }
        return Array(Set(found.map(\.value.address)))
    }

    /// Networks that are nearer than the default route, and that no DHCP server or router has a say in: those of this
    /// host's own links, and what an administrator has set as permanent (`proto static`).
    func trustedNetworks(besides interfaceIndex: UInt32) -> [IPPrefix] {
        let uplinks = uplinks
        let found = routes.filter { route in
            guard route.destination.length > 0, route.interfaceIndex != interfaceIndex else { return false }
            guard route.gateway == nil else { return !Self.sentOrigins.contains(route.origin) }
            if route.origin == Self.kernelOrigin || hasNetwork(of: route) { return true }
            return route.origin != Self.dhcpOrigin && !uplinks.contains(route.interfaceIndex)
        }
        return Array(Set(found.map(\.destination)))
    }

    /// All networks that are nearer than the default route.
    func networks(besides interfaceIndex: UInt32) -> [IPPrefix] {
        let found = routes.filter { $0.destination.length > 0 && $0.interfaceIndex != interfaceIndex }
        return Array(Set(found.map(\.destination)))
    }

    private var uplinks: Set<UInt32> {
        Set(routes.filter { $0.destination.length == 0 }.map(\.interfaceIndex))
    }

    private func hasNetwork(of route: Route) -> Bool {
        addresses.contains { $0.interfaceIndex == route.interfaceIndex && $0.value.prefix == route.destination }
    }
}

extension InterfaceAddress {
    /// An address as the kernel reports it.
    init?(_ answer: NetlinkAnswer) {
        guard let fixed = answer.load(ifaddrmsg.self) else { return nil }
        let attributes = answer.attributes(after: MemoryLayout<ifaddrmsg>.size)
        // On a point-to-point link IFA_ADDRESS is the other end.
        let bytes = attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS]
        guard let address = bytes.flatMap({ IPAddress(networkBytes: $0) }),
            Int(fixed.ifa_prefixlen) <= address.bitWidth
        else { return nil }
        self.init(address, prefixLength: Int(fixed.ifa_prefixlen))
    }
}

extension IPAddress {
    fileprivate var isLoopback: Bool {
        isIPv4 ? IPPrefix(IPAddress(ipv4: 0x7f00_0000), length: 8).contains(self) : self == IPAddress(bits: 1)
    }
}
