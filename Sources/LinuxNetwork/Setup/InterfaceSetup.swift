internal import Glibc
public import IPPacket
internal import Logging

/// What was changed on the host for one tun interface, and the way back.
///
/// Made by `server(_:device:options:)` or `client(_:device:options:)`. `undo()` takes back exactly what was changed, in
/// reverse, and must be called before the device's queues are closed. If the process dies first, the interface vanishes
/// by itself and the next start takes back the rest from the state file.
///
/// An object belongs to one task. Its calls wait for the kernel and for commands, so they do not belong on an event
/// loop's thread.
public final class InterfaceSetup {
    /// The interface's name.
    public let interface: String
    /// Addresses that `pin(_:)` has to keep out of the tunnel.
    private let tunnelRoutes: [IPPrefix]
    private let interfaceIndex: UInt32
    private let options: NetworkSetupOptions
    private let administration: any NetworkAdministration
    let state: StateFile
    /// What was changed, in order.
    private(set) var changes: [(change: NetworkChange, isRecorded: Bool)] = []
    private var pins: [IPAddress: Route] = [:]

    init(
        device: TunDevice,
        tunnelRoutes: [IPPrefix] = [],
        options: NetworkSetupOptions
    ) throws(NetworkSetupError) {
        interface = device.name
        interfaceIndex = device.index
        self.tunnelRoutes = tunnelRoutes
        self.options = options
        administration = options.administration
        state = try StateFile(directory: options.stateDirectory, name: device.name)
    }

    /// Takes back what killed runs have left, of every interface name. Problems are logged, and tried again next time.
    ///
    /// `server` and `client` call it themselves; call it before the device is opened to be rid of left-overs even if
    /// that fails.
    public static func removeLeftovers(_ options: NetworkSetupOptions) async {
        let administration = options.administration
        await StateFile.leftovers(in: options.stateDirectory) { records in
            var isComplete = true
            for record in records.reversed() {
                guard let change = NetworkChange(record: record) else { continue }
                do {
                    try await administration.revert(change)
                    options.logger.notice("took back a change of a killed run", metadata: ["change": "\(record)"])
                } catch {
                    isComplete = false
                    options.logger.warning(
                        "cannot take back a change of a killed run",
                        metadata: ["change": "\(record)", "error": "\(error)"]
                    )
                }
            }
            return isComplete
        }
    }

    /// Takes everything back, the last change first. Problems are logged; what could not be taken back stays in the
    /// state file. Idempotent.
    public func undo() async {
        var isComplete = true
        while let (change, isRecorded) = changes.popLast() {
            do {
                try await administration.revert(change)
                if isRecorded && isComplete { state.removeLast() }
            } catch {
                isComplete = false
                options.logger.warning(
                    "cannot take back a change",
                    metadata: ["change": "\(change.summary)", "error": "\(error)"]
                )
            }
        }
        pins = [:]
        if isComplete { state.remove() }
    }

    // MARK: Making changes

    /// Notes a change where it outlives the process, then makes it.
    func make(_ change: NetworkChange) async throws(NetworkSetupError) {
        let record = change.record(ownInterface: interface)
        if let record { try state.append(record) }
        do {
            try await administration.apply(change)
        } catch {
            if record != nil { state.removeLast() }
            throw error
        }
        changes.append((change, record != nil))
    }

    /// Makes changes that the host may do without if the options allow it.
    func makeIPv6(_ changes: [NetworkChange]) async throws(NetworkSetupError) {
        do throws(NetworkSetupError) {
            guard Sysctl(path: "net/ipv6/conf/\(interface)/disable_ipv6").read() != nil else {
                throw NetworkSetupError(
                    .ipv6Unavailable,
                    "this host has no IPv6",
                    advice: "boot without ipv6.disable=1, or set AllowNoIPv6NetworkConfiguration yes"
                )
            }
            for change in changes { try await make(change) }
        } catch {
            guard options.allowsMissingIPv6 else { throw error }
            options.logger.warning("IPv6 is not configured", metadata: ["error": "\(error)"])
        }
    }

    /// What makes our interface fit for IPv6: not switched off, and without the link-local address and the router
    /// solicitations that the kernel would send into the tunnel by itself.
    var ipv6Preparation: [NetworkChange] {
        [("disable_ipv6", "0"), ("addr_gen_mode", "1")].compactMap { name, value in
            ForwardingChanges.change("net/ipv6/conf/\(interface)/\(name)", to: value)
        }
    }

    // MARK: The way to the server

    /// Keeps the path to `peer` out of the tunnel: if a route of the tunnel covers it, a route for this one address
    /// goes where its packets went before.
    ///
    /// Call it again with each new connection, also with the same address: after a change of the network the old route
    /// is replaced.
    ///
    /// - Throws: `NetworkSetupError`; of the kind `system` if nothing but the tunnel leads to `peer`.
    public func pin(_ peer: IPAddress) async throws(NetworkSetupError) {
        guard tunnelRoutes.contains(where: { $0.contains(peer) }) else { return }
        guard let route = try outerRoute(to: peer) else {
            throw NetworkSetupError(
                .system,
                "no route but the tunnel's leads to \(peer)",
                advice: "check the network connection"
            )
        }
        guard route.kind != .local else { return }
        let pin = Route(IPPrefix(only: peer), gateway: route.gateway, interfaceIndex: route.interfaceIndex)
        let existing = try HostNetwork.routes(peer.isIPv4 ? .v4 : .v6).filter {
            $0.destination == pin.destination && $0.table == Route.mainTable && $0.interfaceIndex != interfaceIndex
        }
        if let old = pins[peer] {
            guard old != pin || !existing.contains(where: { $0.leads(like: pin) }) else { return }
            let change = NetworkChange.addRoute(old, interface: old.interfaceName)
            try await administration.revert(change)
            pins[peer] = nil
            changes.removeAll { $0.change == change }
        } else if !existing.isEmpty {
            return  // The administrator's own.
        }
        try await make(.addRoute(pin, interface: pin.interfaceName))
        pins[peer] = pin
    }

    /// How `peer` is reached without the tunnel.
    private func outerRoute(to peer: IPAddress) throws(NetworkSetupError) -> Route? {
        if pins[peer] == nil, let route = try HostNetwork.route(to: peer), route.interfaceIndex != interfaceIndex {
            return route
        }
        let routes = try HostNetwork.routes(peer.isIPv4 ? .v4 : .v6).filter {
            $0.table == Route.mainTable && $0.interfaceIndex != interfaceIndex && $0.kind == .unicast
                && $0.destination.contains(peer) && !(pins[peer]?.leads(like: $0) ?? false)
        }
        return routes.max { left, right in
            (left.destination.length, right.metric) < (right.destination.length, left.metric)
        }
    }
}

extension Route {
    /// The same destination, by the same way. The kernel fills in a metric of its own for IPv6.
    fileprivate func leads(like other: Route) -> Bool {
        destination == other.destination && gateway == other.gateway && interfaceIndex == other.interfaceIndex
    }
}
