import EventLoops
import PacketTunnel
import Testing

@Suite("The end of a turn", .timeLimit(.minutes(5)))
struct TurnEndTests {
    private final class Kept: TurnEndHandler {
        let loop: EventLoop
        let journal: Journal
        var next: Kept?

        init(_ loop: EventLoop, _ journal: Journal, next: Kept? = nil) {
            (self.loop, self.journal, self.next) = (loop, journal, next)
        }

        func turnDidEnd() {
            journal.add(next == nil ? "last" : "end")
            if let next { loop.callAtEndOfTurn(next) }
            next = nil
        }
    }

    @Test("comes once for each request, after the turn's work, and also for who asks at another's end")
    func order() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        loop.execute {
            let last = Kept(loop, journal)
            loop.callAtEndOfTurn(Kept(loop, journal, next: last))
            journal.add("work")
        }
        loop.execute { journal.add("more work") }
        await loop.settle()
        await loop.settle()
        #expect(journal.all.filter { $0 != "more work" } == ["work", "end", "last"])
    }

    @Test("comes as work on a loop that knows no turns")
    func withoutTurns() async throws {
        final class Simple: PacketLoop {
            let loop: EventLoop
            init(_ loop: EventLoop) { self.loop = loop }
            var isCurrent: Bool { loop.isCurrent }
            var now: UInt64 { loop.now }
            func yieldProcessor() {}
            func execute(_ work: @escaping @Sendable () -> Void) { loop.execute(work) }
            func schedule(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) -> any ScheduledWork {
                loop.schedule(after: nanoseconds, work)
            }
        }
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        loop.execute {
            Simple(loop).callAtEndOfTurn(Kept(loop, journal))
            journal.add("work")
        }
        await loop.settle()
        await loop.settle()
        #expect(journal.all == ["work", "last"])
    }
}
