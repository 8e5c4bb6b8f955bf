internal import IPPacket

/// Which rules a tunnel has: what never enters it, what always does, and what becomes of the rest.
///
/// A plain value: it says what should stand there, and nothing of how it gets there.
struct RoutingPolicy {
    /// Sockets of this process that are marked never enter a tunnel, wherever they go.
    static let mark: UInt32 = 0x1d57
    /// Rules of one kind that a host full of addresses and networks makes at most.
    private static let limit = 128

    let slot: PolicySlot
    /// The tunnel's interface.
    var interfaceIndex: UInt32
    /// What leads into the tunnel, default routes included.
    let tunnelled: [IPPrefix]
    /// Families that are refused as a whole.
    let refused: [IPVersion]
    /// What stays outside, by the host's own routes, default routes included.
    let excluded: [IPPrefix]
    /// Lets every route of the main table that is no default route lead past the tunnel, also one that a DHCP server has
    /// sent.
    let allowsLocalNetwork: Bool
    /// Where servers listen.
    var endpoints: [ServerEndpoint] = []

    /// The families that the tunnel has rules for.
    var versions: [IPVersion] { IPVersion.allCases.filter { version in tunnelled.contains { $0.version == version } } }

    /// True if everything of this family is the tunnel's.
    func isFull(_ version: IPVersion) -> Bool {
        tunnelled.contains { $0.version == version && $0.isHalfOrMore }
    }

    /// All the rules that should be there now, each once.
    func rules(_ snapshot: NetworkSnapshot) -> [RoutingRule] {
        versions.flatMap { version in
            var rules = frame(version)
            rules += endpointRules(version)
            rules += ownAddressRules(version, snapshot)
            rules += chosenRules(version)
            rules += hostRules(version, snapshot)
            rules += restRules(version)
            return rules
        }
    }

    /// The rules that depend on nothing. The first one is nobody else's: it claims the slot.
    func frame(_ version: IPVersion) -> [RoutingRule] {
        [
            RoutingRule(version: version, priority: slot.end, action: .nothing),
            RoutingRule(version: version, priority: slot.outside, mark: Self.mark, action: past),
        ]
    }

    /// TCP to where a server listens.
    func endpointRules(_ version: IPVersion) -> [RoutingRule] {
        let peers = Set(endpoints.filter { $0.address.isIPv4 == (version == .v4) })
        return peers.map {
            RoutingRule(
                version: version,
                priority: slot.outside,
                destination: IPPrefix(only: $0.address),
                tcpPort: $0.port,
                action: past
            )
        }
    }

    /// Packets from an address of the host's own are answers to somebody who connected to it: a connection that begins here has
    /// no source address yet when its route is chosen.
    private func ownAddressRules(_ version: IPVersion, _ snapshot: NetworkSnapshot) -> [RoutingRule] {
        // For IPv6 the kernel looks again with an address of the host's when the first answer was "unreachable"
        // (ip6_dst_lookup_tail): these rules would then lead past the refusal.
        if refused.contains(version) { return [] }
        return snapshot.ownAddresses(besides: interfaceIndex).filter { $0.isIPv4 == (version == .v4) }
            .prefix(Self.limit)
            .map { RoutingRule(version: version, priority: slot.outside, source: IPPrefix(only: $0), action: past) }
    }

    /// Destinations that are named: for the tunnel, or for the host's own routes.
    private func chosenRules(_ version: IPVersion) -> [RoutingRule] {
        let inside = Set(tunnelledNetworks(version)).map { prefix in
            RoutingRule(
                version: version,
                priority: slot.destination(length: prefix.length, isTunnelled: true),
                destination: prefix,
                action: .lookup(table: slot.table)
            )
        }
        let outside = Set(excluded.filter { $0.version == version }).map { prefix in
            RoutingRule(
                version: version,
                priority: slot.destination(length: prefix.length, isTunnelled: false),
                destination: prefix,
                action: past
            )
        }
        return inside + outside
    }

    /// Networks that the host has routes to. Without a full tunnel the host's own routes decide as they do among
    /// themselves: the longer prefix wins.
    private func hostRules(_ version: IPVersion, _ snapshot: NetworkSnapshot) -> [RoutingRule] {
        let (isFull, prefixes) = (isFull(version), tunnelledNetworks(version))
        let near =
            isFull ? snapshot.trustedNetworks(besides: interfaceIndex) : snapshot.networks(besides: interfaceIndex)
        let concerned = near.filter { network in
            network.version == version && (isFull || prefixes.contains { $0.overlaps(network) })
        }
        return concerned.sorted { $0.length > $1.length }.prefix(Self.limit).map { network in
            RoutingRule(
                version: version,
                priority: slot.destination(length: network.length, isTunnelled: false),
                destination: network,
                action: .lookupSpecific(table: Route.mainTable)
            )
        }
    }

    /// What becomes of everything else in a full tunnel.
    private func restRules(_ version: IPVersion) -> [RoutingRule] {
        guard isFull(version) else { return [] }
        let rest = RoutingRule(version: version, priority: slot.rest, action: .lookup(table: slot.table))
        guard allowsLocalNetwork else { return [rest] }
        return [
            RoutingRule(version: version, priority: slot.local, action: .lookupSpecific(table: Route.mainTable)), rest,
        ]
    }

    private func tunnelledNetworks(_ version: IPVersion) -> [IPPrefix] {
        tunnelled.filter { $0.version == version && !$0.isHalfOrMore }
    }

    private var past: RoutingRule.Action { .goto(priority: slot.end) }
}

extension IPPrefix {
    var version: IPVersion { network.isIPv4 ? .v4 : .v6 }

    /// A default route, or a half of one, which stands for the default route where somebody else's must be left alone.
    var isHalfOrMore: Bool { length <= 1 }
}
