import Testing

@testable import SSHTransport

@Suite("States of a channel")
struct SSHChannelStateTests {
    private static let states: [SSHChannelState] = [
        .open, .peerEnded, .peerClosed, .closing(peerHasClosed: false), .closing(peerHasClosed: true), .closed,
        .finished, .gone,
    ]

    /// One event, what it makes of each of `states`, and what it returns for each.
    struct Row: Sendable, CustomTestStringConvertible {
        let event: String
        let apply: @Sendable (inout SSHChannelState) -> Bool?
        let results: [SSHChannelState]
        var returned: [Bool]?
        var testDescription: String { event }
    }

    static let rows = [
        Row(
            event: "the peer's end of file",
            apply: {
                $0.peerDidEnd(); return nil
            },
            results: [
                .peerEnded, .peerEnded, .peerClosed, .closing(peerHasClosed: false), .closing(peerHasClosed: true),
                .closed,
                .finished, .gone,
            ]
        ),
        Row(
            event: "the peer's close",
            apply: {
                $0.peerDidClose(); return nil
            },
            results: [
                .peerClosed, .peerClosed, .peerClosed, .closing(peerHasClosed: true), .closing(peerHasClosed: true),
                .finished,
                .finished, .gone,
            ]
        ),
        Row(
            event: "a decision to close",
            apply: { $0.close() },
            results: [
                .closing(peerHasClosed: false), .closing(peerHasClosed: false), .closing(peerHasClosed: true),
                .closing(peerHasClosed: false), .closing(peerHasClosed: true), .closed, .finished, .gone,
            ],
            returned: [true, true, true, false, false, false, false, false]
        ),
        Row(
            event: "our close has been sent",
            apply: {
                $0.didSendClose(); return nil
            },
            results: [.open, .peerEnded, .peerClosed, .closed, .finished, .closed, .finished, .gone]
        ),
        Row(
            event: "the library's channel has been freed",
            apply: {
                $0.didFree(); return nil
            },
            results: [
                .open, .peerEnded, .peerClosed, .closing(peerHasClosed: false), .closing(peerHasClosed: true), .closed,
                .gone,
                .gone,
            ]
        ),
        Row(
            event: "the end of the session",
            apply: { $0.sessionDidEnd() },
            results: [.gone, .gone, .gone, .gone, .gone, .gone, .gone, .gone],
            returned: [true, true, true, true, true, false, false, false]
        ),
    ]

    @Test("each event leads from each state to the one that it should", arguments: rows)
    func table(_ row: Row) {
        for (index, start) in Self.states.enumerated() {
            var state = start
            let returned = row.apply(&state)
            #expect(state == row.results[index], "from \(start)")
            #expect(returned == row.returned?[index], "from \(start)")
        }
    }

    @Test("nothing is sent or delivered from the decision to close on")
    func ending() {
        #expect(Self.states.map(\.isEnding) == [false, false, false, true, true, true, true, true])
    }
}
