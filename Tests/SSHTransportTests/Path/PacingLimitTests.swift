import Testing

@testable import SSHTransport

@Suite("The rate of BBR on a long path")
struct PacingLimitTests {
    private static let look: UInt64 = 100_000_000
    /// 12.5 MB a second, in a look.
    private static let bytesInALook: UInt64 = 1_250_000

    /// A limit, and the time and the bytes so far.
    private struct Path {
        var limit = PacingLimit()
        var now: UInt64 = 0
        var acknowledged: UInt64 = 0

        /// Looks once more.
        mutating func look(queueing: UInt64, unsent: Int = 1, bytes: UInt64 = bytesInALook) {
            now += PacingLimitTests.look
            acknowledged += bytes
            let figures = PathFigures(
                roundTrip: 20_000_000,
                usualRoundTrip: 20_000_000 + queueing,
                acknowledged: acknowledged,
                unsent: unsent
            )
            limit.next(figures, now: now)
        }
    }

    private static let short: UInt64 = 5_500_000
    private static let long: UInt64 = 5_500_001

    @Test("while a queue stands a little less is sent than what arrives, until it is gone")
    func drains() {
        var path = Path()
        path.look(queueing: Self.long)
        #expect(path.limit.rate == nil, "one look measures no rate")
        path.look(queueing: Self.short)
        #expect(path.limit.rate == nil)
        path.look(queueing: Self.long)
        #expect(path.limit.rate == 11_500_000)
        path.look(queueing: Self.long, bytes: 1_150_000)
        #expect(path.limit.rate == 11_500_000, "the fastest of three looks counts")
        path.look(queueing: Self.short, bytes: 1_150_000)
        #expect(path.limit.rate == nil)
    }

    @Test("a queue that does not go is somebody else's: no limit for 32 looks, and then four looks again")
    func truce() {
        var path = Path()
        path.look(queueing: Self.long)
        for round in 0..<3 {
            for look in 0..<4 {
                path.look(queueing: Self.long)
                #expect(path.limit.rate != nil, "round \(round), look \(look)")
            }
            for look in 0..<33 {
                path.look(queueing: Self.long)
                #expect(path.limit.rate == nil, "round \(round), look \(look) of the truce")
            }
        }
    }

    @Test("who sends now and then is not limited, whatever its rate was")
    func sparse() {
        var path = Path()
        path.look(queueing: Self.long)
        path.look(queueing: Self.long)
        #expect(path.limit.rate != nil)
        path.look(queueing: Self.long, unsent: 0, bytes: 1_000)
        #expect(path.limit.rate == nil)
        path.look(queueing: Self.long, bytes: 1_000)
        #expect(path.limit.rate == nil, "the look before measured nothing")
    }

    @Test(
        "BBR begins on a full path with what arrives, on one that may be full with a quarter more, and after a loss as it likes",
        arguments: [
            (true, 0, 10_000, 5_000), (true, 9_999, 10_000, 5_000), (false, 0, 10_000, 12_500), (true, 0, 0, 10_000),
            (false, 1, 10_000, nil),
        ] as [(Bool, UInt64, UInt64, UInt64?)]
    )
    func begin(_ isQueueing: Bool, _ sentAgain: UInt64, _ windowRate: UInt64, _ expected: UInt64?) {
        var limit = PacingLimit()
        let figures = PathFigures(
            roundTrip: 20_000_000,
            usualRoundTrip: 30_000_000,
            sentAgain: sentAgain,
            arrivalRate: windowRate == 0 ? 10_000 : 5_000,
            windowRate: windowRate
        )
        limit.begin(figures, isQueueing: isQueueing, now: 1)
        #expect(limit.rate == expected && limit.isSettling == (expected != nil))
        limit.next(figures, now: 150_000_000)
        #expect(limit.rate == expected)
        limit.next(figures, now: 150_000_001)
        #expect(limit.rate == nil && !limit.isSettling, "five round trips are over")
    }

    @Test("a path that filled for a moment is begun on with the fastest that arrived then")
    func momentaryQueue() {
        var limit = PacingLimit()
        var figures = PathFigures(roundTrip: 200_000_000, usualRoundTrip: 270_000_000)
        figures.arrivalRate = 10_000_000
        figures.windowRate = 20_000_000
        for (look, bytes) in [0, 200_000, 1_200_000, 100_000].enumerated() {
            figures.acknowledged += UInt64(bytes)
            limit.observeStart(figures, now: UInt64(look + 1) * 20_000_000)
            #expect(limit.rate == nil && !limit.isSettling)
        }
        limit.begin(figures, isQueueing: true, now: 100_000_000)
        #expect(limit.rate == 60_000_000)
    }
}
