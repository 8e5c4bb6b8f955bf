internal import Synchronization

/// One of the places for connections that have not logged in yet. For any thread.
final class SSHServerPlace: Sendable {
    let source: SSHServerSource
    /// Somebody had logged in from there lately when the place was taken.
    let isRegular: Bool

    private enum State {
        case waiting
        case held(onRevoke: @Sendable () -> Void)
        case revoked
    }
    private let state = Mutex(State.waiting)

    init(source: SSHServerSource, isRegular: Bool) {
        self.source = source
        self.isRegular = isRegular
    }

    /// Calls `body`, on any thread, once the place is given to another connection; at once if it has been already.
    func whenRevoked(_ body: @escaping @Sendable () -> Void) {
        let isRevoked = state.withLock { state in
            if case .revoked = state { return true }
            state = .held(onRevoke: body)
            return false
        }
        if isRevoked { body() }
    }

    /// Takes the place away from its connection.
    func revoke() {
        let body: (@Sendable () -> Void)? = state.withLock { state in
            defer { state = .revoked }
            if case .held(let body) = state { return body }
            return nil
        }
        body?()
    }

    /// Forgets the closure of `whenRevoked`, with all that it holds.
    func settle() { state.withLock { $0 = .revoked } }
}
