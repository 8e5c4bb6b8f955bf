internal import OpenSSHSyntax
internal import Synchronization

/// The places for connections that are not authenticated yet, and who gets one. For any thread.
///
/// The rules are sshd's (`MaxStartups`, `PerSourceMaxStartups`, `PerSourcePenalties`), and two more. A source from which
/// somebody has logged in lately is refused for neither chance nor penalty, and has places of its own when all others
/// are taken. And where chance, or the want of places, would turn a newcomer away, the oldest connection of the source
/// that holds most of them makes room: a source that fills all places crowds out only itself.
final class SSHServerStartups: Sendable {
    /// Why a connection gets no place.
    enum Refusal: String, Error, Sendable {
        case penalty = "its address is refused for a while (PerSourcePenalties)"
        case perSource = "too many unauthenticated ones from its address (PerSourceMaxStartups)"
        case total = "too many unauthenticated ones (MaxStartups)"
    }

    private struct State {
        var total = 0
        var regulars = 0
        /// Oldest first.
        var places: [SSHServerSource: [SSHServerPlace]] = [:]
        /// Sources by the number of their places.
        var sources: [Int: Set<SSHServerSource>] = [:]
        var penalties: SSHServerPenalties
        var known = SSHServerRegulars()
    }

    private let state: Mutex<State>
    private let limits: MaxStartups
    private let perSource: Int
    private let regularShare: Int

    /// - Parameter perSource: nil for no such limit.
    init(
        limits: MaxStartups,
        perSource: Int?,
        penalties: SSHServerConfiguration.Penalties = .init()
    ) {
        self.limits = limits
        self.perSource = perSource ?? .max
        regularShare = max(10, limits.full / 4)
        state = Mutex(State(penalties: SSHServerPenalties(penalties)))
    }

    /// Takes a place. Another connection may lose its own for it.
    func take(
        _ source: SSHServerSource,
        now: UInt64,
        random: (ClosedRange<Int>) -> Int = { Int.random(in: $0) }
    ) -> Result<SSHServerPlace, Refusal> {
        let (result, displaced) = state.withLock { decide(source, &$0, now, random) }
        displaced?.revoke()
        return result
    }

    private func decide(
        _ source: SSHServerSource,
        _ state: inout State,
        _ now: UInt64,
        _ random: (ClosedRange<Int>) -> Int
    ) -> (Result<SSHServerPlace, Refusal>, displaced: SSHServerPlace?) {
        let isRegular = state.known.contains(source, now: now)
        guard isRegular || state.penalties.remaining(source, now: now) == 0 else { return (.failure(.penalty), nil) }
        let own = state.places[source]?.count ?? 0
        var displaced: SSHServerPlace?
        if own >= perSource {
            // Honest and hostile peers may share an address; what has waited longest is not the honest one.
            guard isRegular, let oldest = state.places[source]?.first else { return (.failure(.perSource), nil) }
            displaced = oldest
        } else if !(isRegular && state.regulars < regularShare), isUnlucky(total: state.total, random) {
            guard let oldest = oldestOfGreediest(state, than: own, now: now) else { return (.failure(.total), nil) }
            displaced = oldest
        }
        if let displaced { Self.remove(displaced, from: &state) }
        let place = SSHServerPlace(source: source, isRegular: isRegular)
        Self.insert(place, into: &state)
        return (.success(place), displaced)
    }

    /// `MaxStartups`: dropping at random from `begin` on leaves an honest client a chance beside many hostile sources.
    private func isUnlucky(total: Int, _ random: (ClosedRange<Int>) -> Int) -> Bool {
        guard total < limits.full else { return true }
        guard total >= limits.begin else { return false }
        let rise = (100 - limits.rate) * (total - limits.begin) / max(1, limits.full - limits.begin)
        return random(0...99) < limits.rate + rise
    }

    /// The place to be given to a source that holds `own` of them.
    private func oldestOfGreediest(_ state: State, than own: Int, now: UInt64) -> SSHServerPlace? {
        for count in state.sources.keys.sorted(by: >) where count >= own + 2 {
            let sources = state.sources[count] ?? []
            if let source = sources.first(where: { !state.known.contains($0, now: now) }) {
                return state.places[source]?.first
            }
        }
        return nil
    }

    /// Gives a place back: the connection has logged in.
    func loggedIn(_ place: SSHServerPlace, now: UInt64) {
        state.withLock { state in
            Self.remove(place, from: &state)
            state.known.add(place.source, now: now)
        }
        place.settle()
    }

    /// Gives a place back: the connection is over.
    func ended(_ place: SSHServerPlace, _ offence: SSHServerPenalties.Offence?, now: UInt64) {
        state.withLock { state in
            Self.remove(place, from: &state)
            if let offence { state.penalties.add(offence, by: place.source, now: now) }
        }
        place.settle()
    }

    /// A connection with a login ends now: where it came from is known from now on, however long it lasted.
    func wasHere(_ source: SSHServerSource, now: UInt64) {
        state.withLock { $0.known.add(source, now: now) }
    }

    /// Places taken.
    var count: Int { state.withLock { $0.total } }

    // MARK: Bookkeeping

    private static func insert(_ place: SSHServerPlace, into state: inout State) {
        state.total += 1
        if place.isRegular { state.regulars += 1 }
        let count = state.places[place.source]?.count ?? 0
        state.places[place.source, default: []].append(place)
        move(place.source, from: count, to: count + 1, in: &state)
    }

    /// Does nothing for a place that was taken away already.
    private static func remove(_ place: SSHServerPlace, from state: inout State) {
        guard let index = state.places[place.source]?.firstIndex(where: { $0 === place }) else { return }
        state.total -= 1
        if place.isRegular { state.regulars -= 1 }
        let count = state.places[place.source]?.count ?? 0
        state.places[place.source]?.remove(at: index)
        if count == 1 { state.places[place.source] = nil }
        move(place.source, from: count, to: count - 1, in: &state)
    }

    private static func move(_ source: SSHServerSource, from old: Int, to new: Int, in state: inout State) {
        state.sources[old]?.remove(source)
        if state.sources[old]?.isEmpty == true { state.sources[old] = nil }
        if new > 0 { state.sources[new, default: []].insert(source) }
    }
}
