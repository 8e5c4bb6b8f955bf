import Testing

@testable import PacketTunnel

@Suite("States of a server's client")
struct ServerClientStateTests {
    private final class Thing {
        let name: String
        init(_ name: String) { self.name = name }
    }

    private typealias State = ServerClientState<Thing, Thing>
    private let session = Thing("session")
    private let other = Thing("other")
    private let next = Thing("next")

    private var states: [State] {
        let ending = state {
            _ = $0.sessionDidArrive()
            _ = $0.end()
        }
        let claimed = state {
            _ = $0.end()
            _ = $0.didDetach(session, isClaimed: true)
        }
        return [
            state { _ in }, state { _ = $0.sessionDidArrive() }, ending, state(ending) { _ = $0.letGo(to: other) },
            state { _ = $0.end() },
            claimed, state(state { _ = $0.end() }) { _ = $0.letGo(to: other) },
        ]
    }

    private func state(_ start: State = State(), _ events: (inout State) -> Void) -> State {
        var state = start
        events(&state)
        return state
    }

    /// What an event makes of each state, and what it returns for each.
    private func after<Result>(_ event: (inout State) -> Result) -> (states: [String], results: [Result]) {
        var results: [Result] = []
        let after = states.map { start in state(start) { results.append(event(&$0)) } }
        return (after.map(text), results)
    }

    private func text(_ state: State) -> String {
        ["\(state.phase)", state.session?.name, state.successor?.name].compactMap(\.self).joined(separator: " ")
    }

    private let before = [
        "waiting", "active", "ending", "ending other", "ended", "claimed session", "succeeded other",
    ]

    @Test("a session that comes is used, passed on, or given back")
    func arrival() {
        let (states, results) = after { $0.sessionDidArrive() }
        #expect(states == ["active", "active"] + before[2...])
        let texts = results.map { result in
            switch result {
            case .use: "use"
            case .detach: "detach"
            case .pass(let client): "pass to \(client.name)"
            }
        }
        #expect(texts == ["use", "use", "detach", "detach", "detach", "detach", "pass to other"])
    }

    @Test("a connection ends once; one with a session still counts for it")
    func end() {
        let (states, results) = after { $0.end() }
        #expect(states == ["ended", "ending"] + before[2...])
        #expect(results == [true, true, false, false, false, false, false])
    }

    @Test("who lets go gives a session that lies here, and remembers the successor otherwise")
    func letGo() {
        let (states, results) = after { $0.letGo(to: next) }
        #expect(
            states == [
                "succeeded next", "succeeded next", "ending next", "ending next", "succeeded next", "ended",
                "succeeded next",
            ]
        )
        #expect(results.map(\.?.name) == [nil, nil, nil, nil, nil, "session", nil])
    }

    @Test("a session that was claimed meanwhile goes to the successor, or waits for its name")
    func detachment() {
        let claimed = after { $0.didDetach(session, isClaimed: true) }
        #expect(
            claimed.states == [
                "claimed session", "claimed session", "claimed session", "ended", "claimed session", "claimed session",
                "ended",
            ]
        )
        #expect(claimed.results.map(\.?.name) == [nil, nil, nil, "other", nil, nil, "other"])
        let unclaimed = after { $0.didDetach(session, isClaimed: false) }
        #expect(Set(unclaimed.states) == ["ended"])
        #expect(unclaimed.results.allSatisfy { $0 == nil })
    }

    @Test("a connection is open until its end")
    func questions() {
        #expect(states.map(\.isOpen) == [true, true, false, false, false, false, false])
    }
}
