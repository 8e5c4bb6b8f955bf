internal import Glibc
internal import IPPacket

/// Changes the network by commands, for a process that has no privilege of its own but may use `sudo`.
struct CommandAdministration: NetworkAdministration {
    let runner: CommandRunner

    func apply(_ change: NetworkChange) async throws(NetworkSetupError) {
        switch change {
        case .bringUp(let interface, let mtu, let queueLength):
            let length = queueLength.map { ["txqueuelen", "\($0)"] } ?? []
            try await runner.run(["ip", "link", "set", "dev", interface, "mtu", "\(mtu)"] + length + ["up"])
        case .addAddress(let address, let interface):
            let flags = address.address.isIPv4 ? [] : ["nodad"]
            try await runner.run(["ip", "address", "add", "\(address)", "dev", interface] + flags)
        case .addRoute(let route, let interface):
            try await runner.run(Self.words(route, interface, verb: "add"))
        case .addRule(let rule): try await runner.run(["ip"] + rule.words("add"))
        case .useSlot: break
        case .set(let setting, _, let value):
            try await set(setting, value)
        case .keep(let setting, let value):
            try await keep(setting, at: value)
        case .makeTable(let name, let rules):
            try await runner.run(["nft", "-f", "-"], input: FirewallTable.replacement(name: name, rules: rules))
        }
    }

    func revert(_ change: NetworkChange) async throws(NetworkSetupError) {
        switch change {
        case .bringUp(let interface, _, _):
            guard if_nametoindex(interface) != 0 else { return }
            try await runner.run(["ip", "link", "set", "dev", interface, "down"])
        case .addAddress(let address, let interface):
            guard if_nametoindex(interface) != 0 else { return }
            try await ignoringAbsence(["ip", "address", "del", "\(address)", "dev", interface])
        case .addRoute(let route, let interface):
            guard route.interfaceIndex == 0 || if_nametoindex(interface) != 0 else { return }
            try await ignoringAbsence(Self.words(route, interface, verb: "del"))
        case .addRule(let rule): try await ignoringAbsence(["ip"] + rule.words("del"))
        case .useSlot(let slot): for change in try slot.contents() { try await revert(change) }
        case .set(let setting, let old, let new):
            try await keep(setting, at: old, insteadOf: new)
        case .keep(let setting, let value):
            try await keep(setting, at: value)
        case .makeTable(let name, _):
            try await runner.run(["nft", "-f", "-"], input: FirewallTable.removal(name: name))
        }
    }

    private func keep(_ setting: Sysctl, at value: String, insteadOf wrong: String? = nil)
        async throws(NetworkSetupError)
    {
        guard let current = setting.read(), current != value, current == wrong ?? current else { return }
        do {
            try await set(setting, value)
        } catch {
            // The interface may vanish at any moment, and its settings with it.
            guard setting.read() == nil else { throw error }
        }
    }

    /// The name with slashes: interface names may hold dots.
    private func set(_ setting: Sysctl, _ value: String) async throws(NetworkSetupError) {
        try await runner.run(["sysctl", "-q", "-w", "\(setting.path)=\(value)"])
    }

    private static func words(_ route: Route, _ interface: String, verb: String) -> [String] {
        var words = [
            "ip", route.destination.network.isIPv4 ? "-4" : "-6", "route", verb,
        ]
        if route.kind == .unreachable { words += ["unreachable"] }
        words += [route.destination.description]
        if let gateway = route.gateway { words += ["via", gateway.description] }
        if route.interfaceIndex != 0 { words += ["dev", interface] }
        if route.table != Route.mainTable { words += ["table", "\(route.table)"] }
        if route.metric != 0 { words += ["metric", "\(route.metric)"] }
        return words
    }

    private func ignoringAbsence(_ command: [String]) async throws(NetworkSetupError) {
        do {
            try await runner.run(command)
        } catch {
            guard ["No such process", "Cannot assign", "not found"].contains(where: error.advice.contains) else {
                throw error
            }
        }
    }
}
