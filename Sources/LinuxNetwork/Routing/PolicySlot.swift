internal import IPPacket

/// The numbers that one tunnel's rules and its routing table have, apart from those of other tunnels of this host.
///
/// All priorities lie before the rule of the main table (32766). Whatever leads past the tunnels comes before whatever
/// leads into one, for all tunnels alike; among those that want the same packet, the tunnel that was made last has it.
struct PolicySlot: Hashable {
    /// How many tunnels with routes a host can have.
    static let count: UInt32 = 32
    /// 0 for the first tunnel.
    let number: UInt32

    /// The tunnel's routing table.
    var table: UInt32 { 16_500 + number }

    /// Rules of packets that never enter any tunnel; they go on at `end`.
    var outside: UInt32 { 16_000 + order }
    /// Rules of destinations: like routes, the longer prefix wins; of equal ones the tunnel's.
    func destination(length: Int, isTunnelled: Bool) -> UInt32 {
        let level = UInt32(128 - length) * 2 + (isTunnelled ? 0 : 1)
        return 16_384 + level * Self.count + order
    }
    /// The rule of networks that are nearer than the default route.
    var local: UInt32 { 24_672 + order }
    /// The rule of everything else.
    var rest: UInt32 { 24_704 + order }
    /// Behind all tunnels.
    var end: UInt32 { 24_736 + order }

    /// Whether a rule of ours belongs to this tunnel.
    func owns(_ rule: RoutingRule) -> Bool {
        (16_000..<24_768).contains(rule.priority) && rule.priority % Self.count == order
    }

    private var order: UInt32 { Self.count - 1 - number }
}
