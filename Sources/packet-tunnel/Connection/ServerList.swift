/// The servers of a tunnel, and when each may be tried again.
///
/// A plain value that knows no clock: callers say what time it is.
struct ServerList {
    typealias Instant = ContinuousClock.Instant

    /// While one server has not answered for so long, the next one is tried beside it.
    static let headStart: Duration = .seconds(1)
    /// While an attempt has not ended for so long, its server is tried anew beside it: what it waits for, a name or an
    /// answer, may have been lost with the network before.
    static let patience: Duration = .seconds(2)

    /// One server.
    private struct Entry {
        var backoff = Backoff()
        /// Not to be tried before.
        var due: Instant?
        /// Answers, but must not be used: a wrong host key, a user who is refused.
        var isUnusable = false
    }

    private var entries: [Entry]
    /// The server in use, or the last one that was; it is tried first.
    private(set) var current = 0

    init(count: Int) {
        entries = Array(repeating: Entry(), count: max(1, count))
    }

    /// All of them in the order to try them in.
    private var order: [Int] { [current] + entries.indices.filter { $0 != current } }

    /// True when no server is left that may be used.
    var isExhausted: Bool { entries.allSatisfy(\.isUnusable) }

    /// The server to try at `now`; nil if none is due.
    ///
    /// - Parameters:
    ///   - pending: attempts under way, by server, with their latest beginnings.
    ///   - mayRace: whether a server may be tried while an attempt has not ended.
    func next(now: Instant, pending: [Int: Instant], mayRace: Bool) -> Int? {
        if let latest = pending.values.max(), !mayRace || now < latest + Self.headStart { return nil }
        let due = order.filter { index in
            guard !entries[index].isUnusable, entries[index].due.map({ $0 <= now }) ?? true else { return false }
            return pending[index].map { $0 + Self.patience <= now } ?? true
        }
        return due.first { pending[$0] == nil } ?? due.first
    }

    /// When `next` may have another answer; nil if only the end of an attempt can change it.
    func nextMoment(pending: [Int: Instant], mayRace: Bool) -> Instant? {
        guard mayRace || pending.isEmpty else { return nil }
        let raceStart = pending.values.max().map { $0 + Self.headStart }
        let moments = entries.indices.filter { !entries[$0].isUnusable }.compactMap { index in
            [entries[index].due, pending[index].map { $0 + Self.patience }, raceStart].compactMap { $0 }.max()
        }
        return moments.min()
    }

    /// An attempt that began at `start` has failed.
    ///
    /// - Returns: how long the server is left alone. What the attempt has taken counts.
    mutating func failed(_ index: Int, start: Instant, now: Instant) -> Duration {
        let pause = max(.zero, entries[index].backoff.next() - (now - start))
        entries[index].due = now + pause
        return pause
    }

    /// A connection to the server has lasted: what follows begins anew.
    mutating func lasted(_ index: Int) { entries[index].backoff = Backoff() }

    /// The server is the one in use now.
    mutating func use(_ index: Int) {
        current = index
        entries[index].due = nil
    }

    /// The server must not be used.
    mutating func rule(out index: Int) { entries[index].isUnusable = true }

    /// The network is another one now: every server may be tried at once.
    mutating func hurry() {
        for index in entries.indices {
            entries[index].backoff = Backoff()
            entries[index].due = nil
        }
    }
}

/// How long to wait before the next attempt: not at all at first, because most lines break while the server is well.
/// Then longer each time, up to ten seconds, and never quite the same, so that the clients of a server that comes back do
/// not all come at once. Growing by two fifths, a pause is about a third of the time that the server has been away.
struct Backoff {
    /// A connection that has held for so long was a good one: what follows begins anew.
    static let proof: Duration = .milliseconds(500)
    private static let first: Duration = .milliseconds(100)
    private static let longest: Duration = .seconds(10)

    private var limit: Duration = .zero

    mutating func next() -> Duration {
        defer { limit = limit == .zero ? Self.first : min(limit * 1.4, Self.longest) }
        return limit * Double.random(in: 0.5...1)
    }
}
