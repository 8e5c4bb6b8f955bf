internal import IPPacket
internal import Logging

/// What a set-up does while it stands, because the host's network does not stay as it was.
extension InterfaceSetup {
    /// Makes anew what has vanished with the interface, once `TunDevice.reopen` has made that anew.
    ///
    /// - Throws: `NetworkSetupError`; call it again then.
    public func restore(_ device: TunDevice) async throws(NetworkSetupError) {
        for position in changes.indices where !changes[position].isRecorded {
            let change = changes[position].change.moved(from: interfaceIndex, to: device.index)
            do throws(NetworkSetupError) {
                try await administration.apply(change)
            } catch {
                // An attempt before this one has got as far as here.
                guard error.kind == .routeClash else { throw error }
            }
            changes[position].change = change
        }
        interfaceIndex = device.index
        guard case .rules(var policy) = outside else { return }
        policy.interfaceIndex = device.index
        outside = .rules(policy)
    }

    /// Brings a server's packet filter and forwarding to what its host is now: another egress interface after a change of
    /// the default route, other resolvers on this host.
    ///
    /// - Throws: `NetworkSetupError`; of the kind `noEgress` while the host has no default route.
    public func update(_ network: ServerNetwork) async throws(NetworkSetupError) {
        let egress = try network.egressInterfaces()
        let table = network.table(interface: interface, egress: egress)
        let made = changes.firstIndex { change, _ in
            if case .makeTable(table.name, _) = change { true } else { false }
        }
        guard let made, changes[made].change != .makeTable(name: table.name, rules: table.rules) else { return }
        let change = NetworkChange.makeTable(name: table.name, rules: table.rules)
        try await administration.apply(change)
        changes[made].change = change
        for change in ForwardingChanges.ipv4(interface: interface, egress: egress.ipv4) { try await make(change) }
        try await makeIPv6(ForwardingChanges.ipv6(interface: interface, egress: egress.ipv6))
        options.logger.notice(
            "packet filter follows the host's network",
            metadata: ["egress": "\(egress.ipv4) \(egress.ipv6)"]
        )
    }
}

extension NetworkChange {
    /// The same change for an interface that has another index now.
    fileprivate func moved(from old: UInt32, to new: UInt32) -> NetworkChange {
        guard case .addRoute(var route, let interface) = self, route.interfaceIndex == old else { return self }
        route.interfaceIndex = new
        return .addRoute(route, interface: interface)
    }
}
