internal import Synchronization

/// One connection of a client, from `PacketTunnelServer.clientConnected` on: what `clientDisconnected` ends, and no newer
/// connection of the same identity.
///
/// Keeps nothing else alive: it may be stored for as long as its owner likes. Safe from any thread.
public final class ConnectedClient: Sendable {
    private struct State {
        var isOver = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// The identity of the connection's session.
    public let identity: SessionIdentity
    private let state = Mutex(State())

    init(_ identity: SessionIdentity) {
        self.identity = identity
    }

    /// False once no packet of the connection is carried any more and its metrics were reported.
    public var isConnected: Bool { !state.withLock { $0.isOver } }

    /// Returns when the connection is over.
    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiters.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    /// Called once by the connection, on its loop.
    func isOver() {
        let waiters = state.withLock { state in
            state.isOver = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
