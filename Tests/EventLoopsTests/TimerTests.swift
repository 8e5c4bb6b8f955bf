import EventLoops
import PacketTunnel
import Testing

@Suite("Timers", .timeLimit(.minutes(5)))
struct TimerTests {
    private static let millisecond: UInt64 = 1_000_000

    @Test("fire once, in the order of their times and then of the calls")
    func fireInOrder() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        // All are entered in one piece of work, so that none can be late.
        await loop.run {
            for delay: UInt64 in [30, 10, 20, 0] {
                loop.schedule(after: delay * Self.millisecond) { journal.add("\(delay)") }
            }
            loop.schedule(after: 60 * Self.millisecond) { continuation.finish() }
        }
        for await _ in stream {}
        #expect(journal.all == ["0", "10", "20", "30"])
    }

    @Test("never fire early, and the loop's clock never runs backwards")
    func areNotEarly() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        for delay: UInt64 in [1, 3, 7] {
            let start = await loop.run { loop.now }
            let fired = await withCheckedContinuation { continuation in
                loop.schedule(after: delay * Self.millisecond) { continuation.resume(returning: loop.now) }
            }
            #expect(fired >= start + delay * Self.millisecond)
        }
    }

    @Test("do not fire after they were cancelled, from the loop or from elsewhere")
    func canBeCancelled() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        let elsewhere = loop.schedule(after: 5 * Self.millisecond) { journal.add("elsewhere") }
        elsewhere.cancel()
        elsewhere.cancel()
        await loop.run {
            let timer = loop.schedule(after: 0) { journal.add("loop") }
            timer.cancel()
        }
        await withCheckedContinuation { continuation in
            loop.schedule(after: 10 * Self.millisecond) { continuation.resume() }
        }
        #expect(journal.all == [])
    }

    @Test("can be cancelled by another that is due in the same turn")
    func canBeCancelledInTheSameTurn() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        await withCheckedContinuation { continuation in
            loop.execute {
                nonisolated(unsafe) var second: (any ScheduledWork)?
                loop.schedule(after: 0) {
                    journal.add("first")
                    second?.cancel()
                }
                second = loop.schedule(after: 0) { journal.add("second") }
                loop.schedule(after: 0) { continuation.resume() }
            }
        }
        #expect(journal.all == ["first"])
    }

    @Test("shorten the wait of a loop that waits for a later one")
    func shortenTheWait() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let late = loop.schedule(after: 3_600_000 * Self.millisecond) {}
        await loop.settle()
        await withCheckedContinuation { continuation in
            loop.schedule(after: Self.millisecond) { continuation.resume() }
        }
        late.cancel()
    }

    @Test("may set the next one")
    func repeats() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        @Sendable func tick() {
            journal.add("tick")
            if journal.all.count < 5 {
                loop.schedule(after: Self.millisecond, tick)
            } else {
                continuation.finish()
            }
        }
        loop.schedule(after: 0, tick)
        for await _ in stream {}
        #expect(journal.all.count == 5)
    }
}
