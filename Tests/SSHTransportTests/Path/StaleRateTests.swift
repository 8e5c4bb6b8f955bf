import Testing

@testable import SSHTransport

@Suite("A rate of BBR that is no longer true")
struct StaleRateTests {
    private var stale = StaleRate()

    /// Looks at a lossy path on which BBR has found so much.
    private mutating func look(
        _ rate: UInt64,
        unsent: Int = StaleRate.bulk,
        isQueueing: Bool = false,
        isStarting: Bool = false,
        sentAgain: UInt64 = 1
    ) -> Bool {
        var figures = PathFigures(roundTrip: 20_000_000, usualRoundTrip: 20_000_000)
        figures.sentAgain = sentAgain
        figures.unsent = unsent
        figures.rateOfBBR = rate
        figures.isBBRStarting = isStarting
        return stale.next(figures, isQueueing: isQueueing)
    }

    private mutating func pause() {
        #expect(!look(1_000, unsent: StaleRate.bulk - 1))
    }

    @Test("BBR starts once for the first bulk, and for each that begins with less than half of what it had")
    mutating func restarts() {
        pause()
        #expect(look(1_000))
        #expect(!look(1_000, isStarting: true), "once for each bulk")
        #expect(!look(10_000))
        pause()
        #expect(!look(5_000))
        pause()
        #expect(look(4_999))
        pause()
        #expect(!look(4_999), "what it found then is what counts")
    }

    @Test("a start that found the rate with bulk to send is none to repeat")
    mutating func started() {
        #expect(!look(10_000, isStarting: true))
        pause()
        #expect(!look(10_000))
    }

    @Test("a bulk that grows slow while it goes on begins nothing anew")
    mutating func goesOn() {
        #expect(!look(10_000, isStarting: true))
        #expect(!look(1_000))
    }

    @Test("a queue says that the path carries no more, and without a loss the rate is true")
    mutating func trueRate() {
        #expect(!look(1_000, isQueueing: true))
        stale = StaleRate()
        #expect(!look(1_000, sentAgain: 0))
    }
}
