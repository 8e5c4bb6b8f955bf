internal import IPPacket

/// How the connections to servers are kept out of the tunnel.
enum OutsidePaths {
    /// By rules, where the kernel has them.
    case rules(RoutingPolicy)
    /// By a host route to each server beside the tunnel's own routes in the main table.
    case pins(HostRoutes)

    /// Host routes that were laid.
    struct HostRoutes {
        /// Only servers that one of these holds need a host route.
        var tunnelled: [IPPrefix]
        var pins: [IPAddress: Route] = [:]
    }
}

extension InterfaceSetup {
    /// Lays the routes into the tunnel, and before them whatever keeps the servers out of it.
    func makeRoutes(_ network: ClientNetwork) async throws(NetworkSetupError) {
        let tunnelled = network.routes + network.unreachable
        guard !tunnelled.isEmpty else { return }
        if let slot = await claimSlot(Set(tunnelled.map(\.version))) {
            let policy = RoutingPolicy(
                slot: slot,
                interfaceIndex: interfaceIndex,
                tunnelled: tunnelled,
                refused: network.unreachable.filter { $0.length == 0 }.map(\.version),
                excluded: network.excluded,
                allowsLocalNetwork: network.allowsLocalNetwork,
                endpoints: network.servers
            )
            outside = .rules(policy)
            try await applyRules()
            try await addRoutes(network, table: slot.table)
        } else {
            outside = .pins(OutsidePaths.HostRoutes(tunnelled: tunnelled))
            for server in network.servers { try await pin(server.address) }
            for prefix in network.excluded { try await exclude(prefix) }
            try await addRoutes(network, table: Route.mainTable)
        }
    }

    /// Keeps TCP to `server` out of the tunnel from now on. Call it before each attempt to connect, also to the same
    /// server: where the kernel has no rules, the route to it may have changed.
    ///
    /// - Throws: `NetworkSetupError`; of the kind `system` if the kernel has no rules and nothing but the tunnel leads to
    ///   `server`.
    public func admit(_ server: ServerEndpoint) async throws(NetworkSetupError) {
        switch outside {
        case nil: break
        case .pins: try await pin(server.address)
        case .rules(var policy):
            guard !policy.endpoints.contains(server) else { return }
            policy.endpoints.append(server)
            outside = .rules(policy)
            for rule in policy.endpointRules(server.address.isIPv4 ? .v4 : .v6)
            where rule.destination?.network == server.address && rule.tcpPort == server.port {
                try await addRule(rule)
            }
        }
    }

    /// Keeps these servers out of the tunnel and no others: what an attempt without success has added is removed.
    public func retain(_ servers: [ServerEndpoint]) async throws(NetworkSetupError) {
        guard case .rules(var policy) = outside else { return }
        let stale = policy.endpoints.filter { !servers.contains($0) }
        guard !stale.isEmpty else { return }
        policy.endpoints.removeAll { stale.contains($0) }
        outside = .rules(policy)
        try await applyRules()
    }

    /// Lets the rules follow the host's addresses and networks, and sets those again that somebody has removed. Call it
    /// when the network has changed.
    public func networkDidChange() async throws(NetworkSetupError) {
        guard case .rules = outside else { return }
        try await applyRules()
    }

    private func addRoutes(_ network: ClientNetwork, table: UInt32) async throws(NetworkSetupError) {
        let isMain = table == Route.mainTable
        for prefix in isMain ? network.unreachable.flatMap(\.withoutDefault) : network.unreachable {
            // Behind the tunnel's own, where both have the same destination.
            let route = Route(prefix, interfaceIndex: 0, metric: 4_096, table: table, kind: .unreachable)
            try await makeRoute(route)
        }
        for prefix in isMain ? network.routes.flatMap(\.withoutDefault) : network.routes {
            try await makeRoute(Route(prefix, interfaceIndex: interfaceIndex, table: table))
        }
    }

    private func makeRoute(_ route: Route) async throws(NetworkSetupError) {
        let change = NetworkChange.addRoute(route, interface: route.interfaceIndex == 0 ? "" : interface)
        if route.destination.network.isIPv4 {
            try await make(change)
        } else {
            try await makeIPv6([change])
        }
    }
}
