import Testing

@testable import SSHTransport

@Suite("States of a session")
struct SSHSessionStateTests {
    private static let first = SSHSessionState.End(reason: "first")
    private static let second = SSHSessionState.End(reason: "second", disconnectMessage: "why", disconnectCode: 2)
    private static let states: [SSHSessionState] = [.handshaking, .running, .ending(first), .ended]

    @Test("a login makes a session run, and revives none that ends")
    func login() {
        #expect(Self.after { $0.handshakeDidFinish() } == [.running, .running, .ending(Self.first), .ended])
    }

    @Test("the first reason for an end counts")
    func end() {
        let ending = SSHSessionState.ending(Self.second)
        var wereFirst: [Bool] = []
        #expect(Self.after { wereFirst.append($0.end(Self.second)) } == [ending, ending, .ending(Self.first), .ended])
        #expect(wereFirst == [true, true, false, false])
    }

    @Test("an end is carried out once, and only if it was decided")
    func finish() {
        var ends: [SSHSessionState.End?] = []
        #expect(Self.after { ends.append($0.finish()) } == [.handshaking, .running, .ended, .ended])
        #expect(ends == [nil, nil, Self.first, nil])
    }

    @Test("the questions say what each state means")
    func questions() {
        #expect(Self.states.map(\.isHandshaking) == [true, false, false, false])
        #expect(Self.states.map(\.isEnding) == [false, false, true, true])
    }

    /// What an event makes of each state.
    private static func after(_ event: (inout SSHSessionState) -> Void) -> [SSHSessionState] {
        states.map { start in
            var state = start
            event(&state)
            return state
        }
    }
}
