internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// The rtnetlink messages that are sent and understood (`rtnetlink(7)`).
enum RouteMessages {
    /// Sets MTU and queue length of an interface, and brings it up or down.
    static func link(
        index: UInt32,
        mtu: Int? = nil,
        queueLength: Int? = nil,
        isUp: Bool
    ) -> NetlinkMessage {
        let up = UInt32(IFF_UP)
        var fixed = ifinfomsg()
        fixed.ifi_family = UInt8(AF_UNSPEC)
        fixed.ifi_index = Int32(index)
        fixed.ifi_flags = isUp ? up : 0
        fixed.ifi_change = up
        var message = NetlinkMessage(type: RTM_NEWLINK, fixed)
        if let mtu { message.attribute(IFLA_MTU, UInt32(mtu)) }
        if let queueLength { message.attribute(IFLA_TXQLEN, UInt32(queueLength)) }
        return message
    }

    /// Adds or removes an address. The kernel makes or removes a route to its network, too.
    static func address(_ address: InterfaceAddress, index: UInt32, removes: Bool) -> NetlinkMessage {
        // A tun has no neighbours that could hold the same address already.
        let flags = address.address.isIPv4 ? 0 : UInt32(IFA_F_NODAD)
        var fixed = ifaddrmsg()
        fixed.ifa_family = address.address.family
        fixed.ifa_prefixlen = UInt8(address.prefixLength)
        fixed.ifa_flags = UInt8(truncatingIfNeeded: flags)
        fixed.ifa_index = index
        var message = NetlinkMessage(
            type: removes ? RTM_DELADDR : RTM_NEWADDR,
            flags: removes ? 0 : NetlinkMessage.create,
            fixed
        )
        message.attribute(IFA_LOCAL, bytes: address.address.networkBytes)
        message.attribute(IFA_ADDRESS, bytes: address.address.networkBytes)
        if !removes { message.attribute(IFA_FLAGS, flags) }
        return message
    }

    /// Adds or removes a route.
    static func route(_ route: Route, removes: Bool) -> NetlinkMessage {
        var fixed = rtmsg()
        fixed.rtm_family = route.destination.network.family
        fixed.rtm_dst_len = UInt8(route.destination.length)
        fixed.rtm_table = UInt8(min(route.table, UInt32(RT_TABLE_COMPAT.rawValue)))
        fixed.rtm_protocol = removes ? 0 : UInt8(RTPROT_STATIC)
        fixed.rtm_scope = scope(of: route, removes: removes)
        fixed.rtm_type = route.kind.rawValue
        var message = NetlinkMessage(
            type: removes ? RTM_DELROUTE : RTM_NEWROUTE,
            flags: removes ? 0 : NetlinkMessage.create,
            fixed
        )
        message.attribute(RTA_DST.rawValue, bytes: route.destination.network.networkBytes)
        message.attribute(RTA_TABLE.rawValue, route.table)
        if let gateway = route.gateway {
            if gateway.isIPv4 == route.destination.network.isIPv4 {
                message.attribute(RTA_GATEWAY.rawValue, bytes: gateway.networkBytes)
            } else {
                // struct rtvia: the family in the machine's byte order, then the address.
                let family = withUnsafeBytes(of: UInt16(gateway.family)) { Array($0) }
                message.attribute(RTA_VIA.rawValue, bytes: family + gateway.networkBytes)
            }
        }
        if route.interfaceIndex != 0 { message.attribute(RTA_OIF.rawValue, route.interfaceIndex) }
        if route.metric != 0 { message.attribute(RTA_PRIORITY.rawValue, route.metric) }
        return message
    }

    /// IPv4 wants a narrower scope for a route without a gateway, and "nowhere" for "whichever scope it has"; IPv6 has no
    /// scopes.
    private static func scope(of route: Route, removes: Bool) -> UInt8 {
        guard route.destination.network.isIPv4 else { return UInt8(RT_SCOPE_UNIVERSE.rawValue) }
        if removes { return UInt8(RT_SCOPE_NOWHERE.rawValue) }
        let isOnLink = route.gateway == nil && route.kind == .unicast
        return UInt8(isOnLink ? RT_SCOPE_LINK.rawValue : RT_SCOPE_UNIVERSE.rawValue)
    }

    /// Asks which route the kernel takes to one address.
    ///
    /// - Parameter tcpPort: that a TCP packet to this port takes: rules may tell it from others.
    static func lookup(_ address: IPAddress, tcpPort: UInt16? = nil) -> NetlinkMessage {
        var fixed = rtmsg()
        fixed.rtm_family = address.family
        fixed.rtm_dst_len = UInt8(address.bitWidth)
        var message = NetlinkMessage(type: RTM_GETROUTE, fixed)
        message.attribute(RTA_DST.rawValue, bytes: address.networkBytes)
        if let tcpPort {
            message.attribute(RTA_IP_PROTO.rawValue, UInt8(IPPROTO_TCP))
            message.attribute(RTA_DPORT.rawValue, tcpPort.bigEndian)
        }
        return message
    }

    /// Asks for all interfaces.
    static func allLinks() -> NetlinkMessage {
        NetlinkMessage(type: RTM_GETLINK, flags: NetlinkMessage.dump, ifinfomsg())
    }

    /// Asks for all routes of one family.
    static func allRoutes(_ version: IPVersion) -> NetlinkMessage {
        var fixed = rtmsg()
        fixed.rtm_family = UInt8(version == .v4 ? AF_INET : AF_INET6)
        return NetlinkMessage(type: RTM_GETROUTE, flags: NetlinkMessage.dump, fixed)
    }

    /// Asks for all addresses of both families.
    static func allAddresses() -> NetlinkMessage {
        NetlinkMessage(type: RTM_GETADDR, flags: NetlinkMessage.dump, ifaddrmsg())
    }
}

extension Route {
    /// A route as the kernel reports it; nil for kinds and families that are not understood.
    init?(_ answer: NetlinkAnswer) {
        guard [RTM_NEWROUTE, RTM_DELROUTE].contains(Int(answer.type)), let fixed = answer.load(rtmsg.self),
            let kind = Kind(rawValue: fixed.rtm_type)
        else { return nil }
        let attributes = answer.attributes(after: MemoryLayout<rtmsg>.size)
        let unspecified: IPAddress
        switch Int32(fixed.rtm_family) {
        case AF_INET: unspecified = IPAddress(ipv4: 0)
        case AF_INET6: unspecified = IPAddress(bits: 0)
        default: return nil
        }
        let network = attributes[RTA_DST.rawValue].flatMap { IPAddress(networkBytes: $0) } ?? unspecified
        // `::ffff:0:0/96` and the like would look like IPv4 ones, with a length that those cannot have.
        guard network.isIPv4 == unspecified.isIPv4, Int(fixed.rtm_dst_len) <= network.bitWidth else { return nil }
        // A route with several next hops is reported with all of them; the first one stands for it.
        let hop = attributes[RTA_MULTIPATH.rawValue]
        let hopAttributes = hop.map { NetlinkAttributes($0.dropFirst(MemoryLayout<rtnexthop>.size)) }
        // A router of the other family stands in RTA_VIA, behind two bytes that name the family.
        let gateway = [attributes, hopAttributes].compactMap { $0 }.compactMap { attributes in
            attributes[RTA_GATEWAY.rawValue] ?? attributes[RTA_VIA.rawValue]?.dropFirst(2)
        }.first
        self.init(
            IPPrefix(network, length: Int(fixed.rtm_dst_len)),
            gateway: gateway.flatMap { IPAddress(networkBytes: $0) },
            interfaceIndex: attributes.uint32(RTA_OIF.rawValue)
                ?? hop?.load(rtnexthop.self).map { UInt32(bitPattern: $0.rtnh_ifindex) } ?? 0,
            metric: attributes.uint32(RTA_PRIORITY.rawValue) ?? 0,
            table: attributes.uint32(RTA_TABLE.rawValue) ?? UInt32(fixed.rtm_table),
            kind: kind
        )
        origin = fixed.rtm_protocol
        source = attributes[RTA_PREFSRC.rawValue].flatMap { IPAddress(networkBytes: $0) }
    }
}
