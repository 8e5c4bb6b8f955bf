internal import Glibc
internal import IPPacket

/// One change of the host's network, with all that is needed to take it back.
enum NetworkChange: Hashable {
    /// Gives our interface its MTU and queue length and brings it up.
    case bringUp(interface: String, mtu: Int, queueLength: Int?)
    /// Adds an address to our interface.
    case addAddress(InterfaceAddress, interface: String)
    /// Adds a route.
    case addRoute(Route, interface: String)
    /// Adds a routing rule of a tunnel, whose slot takes it back.
    case addRule(RoutingRule)
    /// Uses the rules and the routing table of a slot. Made by adding to them; taken back by removing all of them.
    case useSlot(PolicySlot)
    /// Changes a kernel setting.
    case set(Sysctl, from: String, to: String)
    /// Holds a kernel setting at a value that another change of ours may disturb.
    case keep(Sysctl, at: String)
    /// Makes a packet filter table. The rules are empty when it is only to be removed.
    case makeTable(name: String, rules: String)

    /// For a log line.
    var summary: String {
        switch self {
        case .bringUp(let interface, let mtu, _): "bring \(interface) up with MTU \(mtu)"
        case .addAddress(let address, let interface): "add the address \(address) to \(interface)"
        case .addRoute(let route, let interface):
            "add the route to \(route.destination)"
                + (route.gateway.map { " via \($0.description)" } ?? "") + " dev \(interface)"
        case .addRule(let rule): "add the rule \(rule.words("").dropFirst(3).joined(separator: " "))"
        case .useSlot(let slot): "use the routing table \(slot.table)"
        case .set(let setting, let old, let new): "change \(setting.path) from \(old) to \(new)"
        case .keep(let setting, let value): "keep \(setting.path) at \(value)"
        case .makeTable(let name, _): "make the nftables table inet \(name)"
        }
    }

    /// The line of a state file for a change that outlives the process; nil for what vanishes with our interface.
    func record(ownInterface: String) -> String? {
        switch self {
        case .bringUp, .addAddress: nil
        case .addRoute(_, ownInterface): nil
        // Of a table of ours: its slot is recorded.
        case .addRoute(let route, _) where route.table != Route.mainTable: nil
        case .addRule: nil
        case .useSlot(let slot): "slot \(slot.number)"
        case .addRoute(let route, let interface):
            "route \(route.destination) \(route.gateway?.description ?? "-") \(interface) \(route.metric)"
        case .set(let setting, _, _) where setting.path.contains("/\(ownInterface)/"): nil
        case .keep(let setting, _) where setting.path.contains("/\(ownInterface)/"): nil
        case .set(let setting, let old, let new): "sysctl \(setting.path) \(old) \(new)"
        case .keep(let setting, let value): "keep \(setting.path) \(value)"
        case .makeTable(let name, _): "table \(name)"
        }
    }

    /// Reads what `record` wrote. Nil for a line that is not understood, and for a route whose interface is gone: the
    /// route has gone with it.
    init?(record: some StringProtocol) {
        let words = record.split(separator: " ").map { String($0) }
        switch (words.first, words.count) {
        case ("route", 5):
            guard let destination = IPPrefix(words[1]), let metric = UInt32(words[4]) else { return nil }
            let index = if_nametoindex(words[3])
            guard index != 0 else { return nil }
            let gateway = IPAddress(words[2])
            self = .addRoute(
                Route(destination, gateway: gateway, interfaceIndex: index, metric: metric),
                interface: words[3]
            )
        case ("slot", 2):
            guard let number = UInt32(words[1]), number < PolicySlot.count else { return nil }
            self = .useSlot(PolicySlot(number: number))
        case ("sysctl", 4):
            guard !words[1].contains("..") else { return nil }
            self = .set(Sysctl(path: words[1]), from: words[2], to: words[3])
        case ("keep", 3):
            guard !words[1].contains("..") else { return nil }
            self = .keep(Sysctl(path: words[1]), at: words[2])
        case ("table", 2):
            self = .makeTable(name: words[1], rules: "")
        default:
            return nil
        }
    }
}
