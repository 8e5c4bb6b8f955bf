internal import IPPacket

/// Host routes, for kernels without rules.
extension InterfaceSetup {
    /// Keeps the path to `peer` out of the tunnel: if a route of the tunnel covers it, a route for this one address
    /// goes where its packets went before.
    ///
    /// Call it again with each new connection, also with the same address: after a change of the network the old route
    /// is replaced.
    ///
    /// - Throws: `NetworkSetupError`; of the kind `system` if nothing but the tunnel leads to `peer`.
    func pin(_ peer: IPAddress) async throws(NetworkSetupError) {
        guard case .pins(var paths) = outside, paths.tunnelled.contains(where: { $0.contains(peer) }) else { return }
        defer { outside = .pins(paths) }
        guard let route = try outerRoute(to: peer, besides: paths.pins[peer]) else {
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
        if let old = paths.pins[peer] {
            guard old != pin || !existing.contains(where: { $0.leads(like: pin) }) else { return }
            let change = NetworkChange.addRoute(old, interface: old.interfaceName)
            try await administration.revert(change)
            paths.pins[peer] = nil
            changes.removeAll { $0.change == change }
        } else if !existing.isEmpty {
            return  // The administrator's own.
        }
        try await make(.addRoute(pin, interface: pin.interfaceName))
        paths.pins[peer] = pin
    }

    /// Lays a route for `prefix` by the way that its packets take now. An equal one that is there already will do.
    func exclude(_ prefix: IPPrefix) async throws(NetworkSetupError) {
        guard let way = try HostNetwork.route(to: prefix.network), way.kind == .unicast else { return }
        let route = Route(prefix, gateway: way.gateway, interfaceIndex: way.interfaceIndex)
        do {
            try await make(.addRoute(route, interface: route.interfaceName))
        } catch {
            guard error.kind == .routeClash else { throw error }
        }
    }

    /// How `peer` is reached without the tunnel.
    private func outerRoute(to peer: IPAddress, besides pin: Route?) throws(NetworkSetupError) -> Route? {
        if pin == nil, let route = try HostNetwork.route(to: peer), route.interfaceIndex != interfaceIndex {
            return route
        }
        let routes = try HostNetwork.routes(peer.isIPv4 ? .v4 : .v6).filter {
            $0.table == Route.mainTable && $0.interfaceIndex != interfaceIndex && $0.kind == .unicast
                && $0.destination.contains(peer) && !(pin?.leads(like: $0) ?? false)
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
