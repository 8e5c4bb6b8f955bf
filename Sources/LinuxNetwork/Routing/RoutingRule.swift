internal import IPPacket

/// One rule that chooses the routing table for a packet (`ip-rule(8)`, `linux/fib_rules.h`).
struct RoutingRule: Hashable {
    /// What happens to a packet that the rule is for.
    enum Action: Hashable {
        /// Takes a route of this table, or goes on with the next rule where that has none.
        case lookup(table: UInt32)
        /// The same, but without the table's default routes (`suppress_prefixlength 0`).
        case lookupSpecific(table: UInt32)
        /// Goes on with the rule of this priority.
        case goto(priority: UInt32)
        /// Goes on with the next rule: where a `goto` leads.
        case nothing
    }

    /// Marks rules as made here (`FRA_PROTOCOL`, since Linux 4.17); no routing daemon has this number.
    static let origin: UInt8 = 112

    /// The family that the rule is for.
    var version: IPVersion
    /// Lower comes first.
    var priority: UInt32
    /// Only for packets from here.
    var source: IPPrefix?
    /// Only for packets to there.
    var destination: IPPrefix?
    /// Only for TCP packets to this port.
    var tcpPort: UInt16?
    /// Only for packets of sockets with this mark.
    var mark: UInt32?
    /// What happens.
    var action: Action

    /// The words after `ip`, for `add` and `del`.
    func words(_ verb: String) -> [String] {
        var words = [version == .v4 ? "-4" : "-6", "rule", verb, "pref", "\(priority)"]
        if let source { words += ["from", source.description] }
        if let destination { words += ["to", destination.description] }
        if let tcpPort { words += ["ipproto", "tcp", "dport", "\(tcpPort)"] }
        if let mark { words += ["fwmark", "\(mark)"] }
        switch action {
        case .lookup(let table): words += ["table", "\(table)"]
        case .lookupSpecific(let table): words += ["table", "\(table)", "suppress_prefixlength", "0"]
        case .goto(let priority): words += ["goto", "\(priority)"]
        case .nothing: words += ["nop"]
        }
        return words + ["protocol", "\(Self.origin)"]
    }
}
