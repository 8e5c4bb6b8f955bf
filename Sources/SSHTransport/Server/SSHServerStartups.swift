internal import Synchronization

/// The places for connections that are not authenticated yet. For any thread.
final class SSHServerStartups: Sendable {
    private struct State {
        var total = 0
        var bySource: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let limits: SSHServerConfiguration.MaxStartups
    private let perSource: Int

    init(limits: SSHServerConfiguration.MaxStartups, perSource: Int) {
        self.limits = limits
        self.perSource = perSource
    }

    /// Takes a place; false if there is none. Dropping at random from `begin` on leaves an honest client a chance beside
    /// somebody who fills all places again and again.
    func take(_ source: String, random: (ClosedRange<Int>) -> Int = { Int.random(in: $0) }) -> Bool {
        state.withLock { state in
            guard state.bySource[source, default: 0] < perSource, state.total < limits.full else { return false }
            if state.total >= limits.begin {
                let probability =
                    limits.full == limits.begin
                    ? 100
                    : limits.rate
                        + (100 - limits.rate) * (state.total - limits.begin) / (limits.full - limits.begin)
                guard random(0...99) >= probability else { return false }
            }
            state.total += 1
            state.bySource[source, default: 0] += 1
            return true
        }
    }

    /// Gives a place back: the connection is authenticated, or over.
    func release(_ source: String) {
        state.withLock { state in
            state.total -= 1
            let left = state.bySource[source, default: 1] - 1
            state.bySource[source] = left == 0 ? nil : left
        }
    }

    /// Places taken.
    var count: Int { state.withLock { $0.total } }
}
