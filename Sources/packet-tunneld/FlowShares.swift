internal import Synchronization

/// How many flows each tunnel of a key may have, so that all of them together stay below `MaxFlowsPerKey` and no key fills the
/// kernel's table of connections, however many sessions it begins. From any thread.
///
/// A tunnel gets what `MaxFlows` says as long as a quarter of what is left of the key's share is more, and otherwise that quarter:
/// the first ones hardly notice, and there is always something left for another.
final class FlowShares: Sendable {
    /// What a tunnel gets in any case; it is little enough for a key's greatest number of sessions.
    static let least = 16

    private struct State {
        var tunnels: [ObjectIdentifier: (key: String, flows: Int)] = [:]
        var keys: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let mostOfTunnel: Int
    private let mostOfKey: Int

    init(mostOfTunnel: Int, mostOfKey: Int) {
        self.mostOfTunnel = mostOfTunnel
        self.mostOfKey = mostOfKey
    }

    /// The flows of the tunnel that `owner`, a connection, is about to have. It keeps what it has been given before.
    func take(_ key: String, for owner: ObjectIdentifier) -> Int {
        state.withLock { state in
            if let tunnel = state.tunnels[owner] { return tunnel.flows }
            let left = mostOfKey - state.keys[key, default: 0]
            let flows = max(Self.least, min(mostOfTunnel, left / 4))
            state.tunnels[owner] = (key, flows)
            state.keys[key, default: 0] += flows
            return flows
        }
    }

    /// The connection is over.
    func release(_ owner: ObjectIdentifier) {
        state.withLock { state in
            guard let tunnel = state.tunnels.removeValue(forKey: owner) else { return }
            let left = state.keys[tunnel.key, default: tunnel.flows] - tunnel.flows
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
