internal import IPPacket
internal import Logging

extension InterfaceSetup {
    /// Finds numbers for this tunnel's rules that no other tunnel has; nil where the kernel or the permissions of this
    /// process have no rules, and host routes have to do.
    func claimSlot(_ versions: Set<IPVersion>) async -> PolicySlot? {
        guard options.usesRules else { return nil }
        do throws(NetworkSetupError) {
            let known = try HostNetwork.ownRules(versions)
            let slots = (0..<PolicySlot.count).map { PolicySlot(number: $0) }
            let isTaken = slots.map { slot in known.contains { slot.owns($0) } }
            // The newest tunnel has the highest number as long as there is a higher one.
            let next = (isTaken.lastIndex(of: true) ?? -1) + 1
            for slot in slots[next...] + slots[..<next].reversed() where !isTaken[Int(slot.number)] {
                if try await claim(slot, versions) { return slot }
            }
            let problem = "all \(PolicySlot.count) routing tables are in use"
            throw NetworkSetupError(.system, problem, advice: "stop a tunnel")
        } catch {
            options.logger.notice("routing rules are not available, using host routes", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// False if another tunnel was faster.
    private func claim(_ slot: PolicySlot, _ versions: Set<IPVersion>) async throws(NetworkSetupError) -> Bool {
        var made: [NetworkChange] = []
        do throws(NetworkSetupError) {
            for version in versions.sorted(by: { $0 == .v4 && $1 == .v6 }) {
                let rule = RoutingRule(version: version, priority: slot.end, action: .nothing)
                try await administration.apply(.addRule(rule))
                made.append(.addRule(rule))
                // Before Linux 4.17 rules have no owner, and could not be told from those of others.
                guard try HostNetwork.ownRules([version]).contains(rule) else {
                    throw NetworkSetupError(.system, "rules have no protocol here", advice: "use Linux 4.17 or later")
                }
            }
            try await make(.useSlot(slot))
            return true
        } catch {
            for change in made { try? await administration.revert(change) }
            if error.isClash { return false }
            throw error
        }
    }

    /// Adds the rules that are missing, then removes those that are no longer wanted.
    func applyRules() async throws(NetworkSetupError) {
        guard case .rules(let policy) = outside else { return }
        let snapshot = try NetworkSnapshot.current()
        let wanted = policy.rules(snapshot)
        let present = Set(try HostNetwork.ownRules(policy.versions).filter { policy.slot.owns($0) })
        for rule in wanted where !present.contains(rule) { try await addRule(rule) }
        for rule in present.subtracting(wanted) { try await administration.revert(.addRule(rule)) }
    }

    func addRule(_ rule: RoutingRule) async throws(NetworkSetupError) {
        do throws(NetworkSetupError) {
            try await administration.apply(.addRule(rule))
        } catch {
            guard error.isClash else { throw error }
        }
    }
}

extension PolicySlot {
    /// What there is of this slot's rules and routes. A rule that leads into the tunnel goes before those that lead past.
    func contents() throws(NetworkSetupError) -> [NetworkChange] {
        let rules = try HostNetwork.ownRules(IPVersion.allCases).filter { owns($0) }
        let routes = try HostNetwork.routes().filter { $0.table == table }
        return rules.sorted { $0.priority > $1.priority }.map { .addRule($0) }
            + routes.map { .addRoute($0, interface: $0.interfaceName) }
    }
}

extension NetworkSetupError {
    /// True if what was to be made is there already; commands say so in words.
    fileprivate var isClash: Bool { kind == .routeClash || advice.contains("File exists") }
}
