internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// Makes changes and takes them back. Taking back what is no longer there is no error.
protocol NetworkAdministration: Sendable {
    /// Makes one change.
    func apply(_ change: NetworkChange) async throws(NetworkSetupError)
    /// Takes one change back.
    func revert(_ change: NetworkChange) async throws(NetworkSetupError)
}

extension NetworkSetupOptions {
    /// The administration that these options ask for.
    var administration: any NetworkAdministration {
        usesSudo ? CommandAdministration(runner: runner) : NetlinkAdministration(runner: runner)
    }
}

/// Changes the network from this process: rtnetlink, `/proc/sys`, and `nft`.
struct NetlinkAdministration: NetworkAdministration {
    let runner: CommandRunner

    func apply(_ change: NetworkChange) async throws(NetworkSetupError) {
        switch change {
        case .bringUp(let interface, let mtu, let queueLength):
            let index = try Self.index(of: interface)
            let message = RouteMessages.link(index: index, mtu: mtu, queueLength: queueLength, isUp: true)
            try request(message, change)
        case .addAddress(let address, let interface):
            let index = try Self.index(of: interface)
            try request(RouteMessages.address(address, index: index, removes: false), change)
        case .addRoute(let route, _):
            try request(RouteMessages.route(route, removes: false), change)
        case .addRule(let rule): try request(RuleMessages.rule(rule, removes: false), change)
        case .useSlot: break
        case .set(let setting, _, let value):
            try write(setting, value, change)
        case .keep(let setting, let value):
            try keep(setting, at: value, change)
        case .makeTable(let name, let rules):
            try await runner.run(["nft", "-f", "-"], input: FirewallTable.replacement(name: name, rules: rules))
        }
    }

    func revert(_ change: NetworkChange) async throws(NetworkSetupError) {
        switch change {
        case .bringUp(let interface, _, _):
            let index = if_nametoindex(interface)
            if index != 0 { try request(RouteMessages.link(index: index, isUp: false), change, mayBeGone: true) }
        case .addAddress(let address, let interface):
            let message = RouteMessages.address(address, index: if_nametoindex(interface), removes: true)
            try request(message, change, mayBeGone: true)
        case .addRoute(let route, _):
            try request(RouteMessages.route(route, removes: true), change, mayBeGone: true)
        case .addRule(let rule): try request(RuleMessages.rule(rule, removes: true), change, mayBeGone: true)
        case .useSlot(let slot): for change in try slot.contents() { try await revert(change) }
        case .set(let setting, let old, let new):
            // The setting was changed by somebody else since, and stays as they want it.
            try keep(setting, at: old, insteadOf: new, change)
        case .keep(let setting, let value):
            try keep(setting, at: value, change)
        case .makeTable(let name, _):
            try await runner.run(["nft", "-f", "-"], input: FirewallTable.removal(name: name))
        }
    }

    /// By the file, or where that is read-only or missing by netlink if that can.
    private func write(_ setting: Sysctl, _ value: String, _ change: NetworkChange) throws(NetworkSetupError) {
        do throws(NetworkSetupError) {
            try setting.write(value)
        } catch {
            guard let message = RouteMessages.setting(setting, value) else { throw error }
            try request(message, change)
        }
    }

    private func keep(
        _ setting: Sysctl,
        at value: String,
        insteadOf wrong: String? = nil,
        _ change: NetworkChange
    ) throws(NetworkSetupError) {
        guard let current = setting.read(), current != value, current == wrong ?? current else { return }
        do {
            try write(setting, value, change)
        } catch {
            // The interface may vanish at any moment, and its settings with it.
            guard setting.read() == nil else { throw error }
        }
    }

    private static func index(of interface: String) throws(NetworkSetupError) -> UInt32 {
        let index = if_nametoindex(interface)
        guard index != 0 else {
            throw NetworkSetupError(.unknownInterface, "there is no interface \(interface)", advice: "see `ip link`")
        }
        return index
    }

    private func request(
        _ message: NetlinkMessage,
        _ change: NetworkChange,
        mayBeGone: Bool = false
    ) throws(NetworkSetupError) {
        do {
            var socket = try NetlinkSocket(family: NETLINK_ROUTE)
            try socket.request(message)
        } catch {
            if mayBeGone, [ESRCH, ENODEV, ENXIO, EADDRNOTAVAIL, ENOENT, ENETDOWN].contains(error.code) { return }
            if error.code == EEXIST { throw Self.exists(change) }
            // EACCES means that IPv6 is off on the interface; a lack of privilege is EPERM.
            if error.code == EACCES, case .addAddress(_, let interface) = change { throw Self.isOff(interface) }
            throw .system(change.summary, code: error.code, detail: error.detail)
        }
    }

    private static func isOff(_ interface: String) -> NetworkSetupError {
        NetworkSetupError(
            .system,
            "IPv6 is switched off on \(interface)",
            advice: "set net.ipv6.conf.default.disable_ipv6=0, in a container from outside"
        )
    }

    private static func exists(_ change: NetworkChange) -> NetworkSetupError {
        NetworkSetupError(
            .routeClash,
            "cannot \(change.summary): the host has one already",
            advice: "remove it, or choose another network; `ip route` and `ip -6 route` list what there is"
        )
    }
}
