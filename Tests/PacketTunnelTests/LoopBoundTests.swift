import PacketTunnel
import PacketTunnelTestKit
import Testing

@Suite("What belongs to a loop")
struct LoopBoundTests {
    private final class Journal {
        var lines: [String] = []
    }

    @Test("work from elsewhere reaches it on the loop alone, in the order of the calls")
    func order() {
        let loop = ManualLoop()
        let journal = LoopBound(Journal(), on: loop)
        for number in 1...3 { journal.execute { $0.lines.append("\(number) \(loop.isCurrent)") } }
        let before = loop.perform { journal.value.lines }
        #expect(before == [])
        loop.run()
        let after = loop.perform { journal.value.lines }
        #expect(after == ["1 true", "2 true", "3 true"])
    }

    @Test("a weak box does not keep it, and does nothing once it is gone")
    func weak() {
        let loop = ManualLoop()
        var journal: Journal? = Journal()
        let box = loop.perform { journal.map { WeakLoopBound($0, on: loop) } }
        box?.execute { $0.lines.append("there") }
        loop.run()
        #expect(journal?.lines == ["there"])
        box?.execute { _ in Issue.record("it is gone") }
        journal = nil
        loop.run()
    }

    @Test("what is posted or scheduled on the loop runs there later, with what it captures")
    func here() {
        let loop = ManualLoop()
        let journal = Journal()
        loop.perform {
            loop.executeHere { journal.lines.append("posted") }
            loop.scheduleHere(after: 1_000_000) { journal.lines.append("due") }
            loop.scheduleHere(after: 1_000_000) { journal.lines.append("cancelled") }.cancel()
        }
        #expect(journal.lines.isEmpty)
        loop.run()
        #expect(journal.lines == ["posted"])
        loop.advance(by: .milliseconds(1))
        #expect(journal.lines == ["posted", "due"])
    }

    #if DEBUG
        @Test("its use, its boxing, and posting around the check from another thread end a debug build")
        func elsewhere() async {
            await #expect(processExitsWith: .failure) { _ = LoopBound(1, on: ManualLoop()).value }
            await #expect(processExitsWith: .failure) { _ = LoopBound(current: 1, on: ManualLoop()) }
            await #expect(processExitsWith: .failure) { _ = WeakLoopBound(ManualLoop(), on: ManualLoop()) }
            await #expect(processExitsWith: .failure) { ManualLoop().executeHere {} }
            await #expect(processExitsWith: .failure) { ManualLoop().scheduleHere(after: 1) {} }
        }
    #endif
}
