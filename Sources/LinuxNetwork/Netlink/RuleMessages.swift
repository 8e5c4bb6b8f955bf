internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// The messages about routing rules (`linux/fib_rules.h`).
enum RuleMessages {
    /// Adds or removes a rule. An equal one that is there already is `EEXIST`.
    static func rule(_ rule: RoutingRule, removes: Bool) -> NetlinkMessage {
        var fixed = fib_rule_hdr()
        fixed.family = family(rule.version)
        fixed.src_len = UInt8(rule.source?.length ?? 0)
        fixed.dst_len = UInt8(rule.destination?.length ?? 0)
        fixed.action = UInt8(action(rule.action))
        if let table = table(rule.action) { fixed.table = UInt8(min(table, UInt32(RT_TABLE_COMPAT.rawValue))) }
        var message = NetlinkMessage(
            type: removes ? RTM_DELRULE : RTM_NEWRULE,
            flags: removes ? 0 : NetlinkMessage.create,
            fixed
        )
        message.attribute(FRA_PRIORITY, rule.priority)
        message.attribute(FRA_PROTOCOL, RoutingRule.origin)
        if let source = rule.source { message.attribute(FRA_SRC, bytes: source.network.networkBytes) }
        if let destination = rule.destination {
            message.attribute(FRA_DST, bytes: destination.network.networkBytes)
        }
        if let port = rule.tcpPort {
            message.attribute(FRA_IP_PROTO, UInt8(IPPROTO_TCP))
            message.attribute(FRA_DPORT_RANGE, fib_rule_port_range(start: port, end: port))
        }
        if let mark = rule.mark { message.attribute(FRA_FWMARK, mark) }
        if let table = table(rule.action) { message.attribute(FRA_TABLE, table) }
        if case .goto(let priority) = rule.action { message.attribute(FRA_GOTO, priority) }
        if case .lookupSpecific = rule.action { message.attribute(FRA_SUPPRESS_PREFIXLEN, UInt32(0)) }
        return message
    }

    /// Asks for all rules of one family.
    static func allRules(_ version: IPVersion) -> NetlinkMessage {
        var fixed = fib_rule_hdr()
        fixed.family = family(version)
        return NetlinkMessage(type: RTM_GETRULE, flags: NetlinkMessage.dump, fixed)
    }

    private static func family(_ version: IPVersion) -> UInt8 { UInt8(version == .v4 ? AF_INET : AF_INET6) }

    private static func action(_ action: RoutingRule.Action) -> Int {
        switch action {
        case .lookup, .lookupSpecific: FR_ACT_TO_TBL
        case .goto: FR_ACT_GOTO
        case .nothing: FR_ACT_NOP
        }
    }

    private static func table(_ action: RoutingRule.Action) -> UInt32? {
        switch action {
        case .lookup(let table), .lookupSpecific(let table): table
        case .goto, .nothing: nil
        }
    }
}

extension RoutingRule {
    /// One of our own rules as the kernel reports it; nil for those of others.
    init?(_ answer: NetlinkAnswer) {
        guard [RTM_NEWRULE, RTM_DELRULE].contains(Int(answer.type)), let fixed = answer.load(fib_rule_hdr.self) else {
            return nil
        }
        let attributes = answer.attributes(after: MemoryLayout<fib_rule_hdr>.size)
        let version: IPVersion
        switch Int32(fixed.family) {
        case AF_INET: version = .v4
        case AF_INET6: version = .v6
        default: return nil
        }
        guard attributes[FRA_PROTOCOL]?.first == RoutingRule.origin else { return nil }
        let table = attributes.uint32(FRA_TABLE) ?? UInt32(fixed.table)
        let action: Action
        switch Int(fixed.action) {
        case FR_ACT_GOTO: action = .goto(priority: attributes.uint32(FRA_GOTO) ?? 0)
        case FR_ACT_NOP: action = .nothing
        // Without the attribute, or with -1, nothing is suppressed.
        default:
            let isSpecific = attributes.uint32(FRA_SUPPRESS_PREFIXLEN) == 0
            action = isSpecific ? .lookupSpecific(table: table) : .lookup(table: table)
        }
        let prefix = { (attribute: Int, length: UInt8) -> IPPrefix? in
            guard let address = attributes[attribute].flatMap({ IPAddress(networkBytes: $0) }),
                Int(length) <= address.bitWidth
            else { return nil }
            return IPPrefix(address, length: Int(length))
        }
        self.init(
            version: version,
            priority: attributes.uint32(FRA_PRIORITY) ?? 0,
            source: prefix(FRA_SRC, fixed.src_len),
            destination: prefix(FRA_DST, fixed.dst_len),
            tcpPort: attributes[FRA_DPORT_RANGE]?.load(fib_rule_port_range.self)?.start,
            mark: attributes.uint32(FRA_FWMARK),
            action: action
        )
    }
}
