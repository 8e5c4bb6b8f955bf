internal import CLinuxNetwork
internal import Glibc
public import IPPacket

/// What the host's network looks like now. Needs no privilege; each call asks the kernel and waits for the answer, so
/// none of them belongs on an event loop's thread.
public enum HostNetwork {
    /// All routes of all tables, of one family or of both.
    ///
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public static func routes(_ version: IPVersion? = nil) throws(NetworkSetupError) -> [Route] {
        var routes: [Route] = []
        for version in version.map({ [$0] }) ?? IPVersion.allCases {
            let found = try query(RouteMessages.allRoutes(version), "list the host's routes") { Route($0) }
            routes += found
        }
        return routes
    }

    /// All addresses of all interfaces, without duplicates.
    ///
    /// - Parameter interfaceIndex: the interface to leave out; 0 for none.
    public static func addresses(
        ignoring interfaceIndex: UInt32 = 0
    ) throws(NetworkSetupError) -> [InterfaceAddress] {
        try query(RouteMessages.allAddresses(), "list the host's addresses") { answer in
            guard interfaceIndex == 0 || answer.load(ifaddrmsg.self)?.ifa_index != interfaceIndex else { return nil }
            return InterfaceAddress(answer)
        }
    }

    /// The name of the interface that has `address`; nil if none has.
    ///
    /// - Throws: `NetworkSetupError` of the kind `system`.
    public static func interface(of address: IPAddress) throws(NetworkSetupError) -> String? {
        let indices = try query(RouteMessages.allAddresses(), "list the host's addresses") { answer -> UInt32? in
            InterfaceAddress(answer)?.address == address ? answer.load(ifaddrmsg.self)?.ifa_index : nil
        }
        guard let index = indices.first else { return nil }
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        guard if_indextoname(index, &name) != nil else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The route that the kernel takes to `address` now; nil if there is none.
    ///
    /// Its destination is the address alone. `kind` is `local` if the address is the host's own.
    ///
    /// - Parameter tcpPort: asks for TCP packets to this port, which rules may lead elsewhere.
    public static func route(to address: IPAddress, tcpPort: UInt16? = nil) throws(NetworkSetupError) -> Route? {
        do {
            var socket = try NetlinkSocket(family: NETLINK_ROUTE)
            var route: Route?
            try socket.query(RouteMessages.lookup(address, tcpPort: tcpPort)) { route = Route($0) ?? route }
            return route
        } catch {
            switch error.code {
            // Blackhole, unreachable and prohibit routes give the same error.
            case ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL: return nil
            // A kernel without IPv6.
            case EOPNOTSUPP, EAFNOSUPPORT: return nil
            default: throw .system("look up the route to \(address)", code: error.code)
            }
        }
    }

    /// The preferred default route of the main table; nil if there is none.
    public static func defaultRoute(_ version: IPVersion) throws(NetworkSetupError) -> Route? {
        try routes(version)
            .filter {
                $0.destination.length == 0 && $0.table == Route.mainTable && $0.kind == .unicast
                    && $0.interfaceIndex != 0
            }
            .min { $0.metric < $1.metric }
    }

    /// The rules that this package has made, for all tunnels of this host.
    static func ownRules(_ versions: some Sequence<IPVersion>) throws(NetworkSetupError) -> [RoutingRule] {
        var rules: [RoutingRule] = []
        for version in versions {
            rules += try query(RuleMessages.allRules(version), "list the host's routing rules") { RoutingRule($0) }
        }
        return rules
    }

    static func query<Element: Hashable>(
        _ message: NetlinkMessage,
        _ action: String,
        _ parse: (NetlinkAnswer) -> Element?
    ) throws(NetworkSetupError) -> [Element] {
        do {
            var socket = try NetlinkSocket(family: NETLINK_ROUTE)
            var found: [Element] = []
            var seen: Set<Element> = []
            try socket.query(message) { answer in
                guard let element = parse(answer), seen.insert(element).inserted else { return }
                found.append(element)
            }
            return found
        } catch {
            // A kernel without IPv6 has no list of its routes.
            if error.code == EOPNOTSUPP || error.code == EAFNOSUPPORT { return [] }
            throw .system(action, code: error.code, detail: error.detail)
        }
    }
}
