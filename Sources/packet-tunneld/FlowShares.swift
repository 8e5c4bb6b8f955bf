internal import PacketTunnel
internal import Synchronization

/// How many flows each tunnel of a key may have, so that all of them together stay below `MaxFlowsPerKey` and no key fills the
/// kernel's table of connections, however many sessions it begins. From any thread.
///
/// A key begins an eighth as many flows at once, and half of that in each second afterwards. The kernel keeps what a flow has begun for
/// half a minute and more, and the daemon deletes what is beyond a key's share every second or two: there is always a port left for
/// another key, of the 64,512 to one destination.
///
/// A tunnel gets what `MaxFlows` says as long as a quarter of what is left of the key's share is more, and otherwise that quarter:
/// the first ones hardly notice, and there is always something left for another.
final class FlowShares: Sendable {
    /// What a tunnel gets in any case; it is little enough for a key's greatest number of sessions.
    static let least = 16

    /// What one tunnel may have.
    struct Share {
        /// Flows at a time.
        var flows: Int
        /// New flows, of all tunnels of the key together.
        var allowance: FlowAllowance
    }

    private struct State {
        var tunnels: [ObjectIdentifier: (key: String, share: Share)] = [:]
        var keys: [String: Int] = [:]
        /// Of keys that have a tunnel, and of those whose last one has ended lately: a new connection brings no new burst.
        var allowances: [String: FlowAllowance] = [:]
    }

    private let state = Mutex(State())
    private let mostOfTunnel: Int
    private let mostOfKey: Int

    init(mostOfTunnel: Int, mostOfKey: Int) {
        self.mostOfTunnel = mostOfTunnel
        self.mostOfKey = mostOfKey
    }

    /// The share of the tunnel that `owner`, a connection, is about to have. It keeps what it has been given before.
    ///
    /// - Parameter now: the time of a loop.
    func take(_ key: String, for owner: ObjectIdentifier, now: UInt64) -> Share {
        state.withLock { state in
            if let tunnel = state.tunnels[owner] { return tunnel.share }
            state.allowances = state.allowances.filter { state.keys[$0.key] != nil || !$0.value.isFull(now: now) }
            let left = mostOfKey - state.keys[key, default: 0]
            let flows = max(Self.least, min(mostOfTunnel, left / 4))
            let burst = max(Self.least, mostOfKey / 8)
            let allowance = state.allowances[key] ?? FlowAllowance(burst: burst, flowsPerSecond: max(1, burst / 2))
            state.allowances[key] = allowance
            let share = Share(flows: flows, allowance: allowance)
            state.tunnels[owner] = (key, share)
            state.keys[key, default: 0] += flows
            return share
        }
    }

    /// The connection is over.
    func release(_ owner: ObjectIdentifier) {
        state.withLock { state in
            guard let tunnel = state.tunnels.removeValue(forKey: owner) else { return }
            let flows = tunnel.share.flows
            let left = state.keys[tunnel.key, default: flows] - flows
            state.keys[tunnel.key] = left == 0 ? nil : left
        }
    }

    /// What one key's tunnels may have together now.
    struct Status: Encodable {
        var keyFingerprint: String
        var flowsGranted: Int
        var flowsGrantedLimit: Int
    }

    /// What every key's tunnels may have together now.
    var status: [Status] {
        state.withLock { state in
            state.keys.map { Status(keyFingerprint: $0.key, flowsGranted: $0.value, flowsGrantedLimit: mostOfKey) }
        }
    }
}

extension ClientHooks {
    /// Keeps a client to its share of its key's flows.
    mutating func use(_ share: FlowShares.Share) {
        flowLimit = share.flows
        flowAllowance = share.allowance
    }
}
