import EventLoops
import Foundation
import Glibc
import PacketTunnel
import Testing

@Suite("Posted work", .timeLimit(.minutes(5)))
struct PostedWorkTests {
    @Test("runs on the loop's thread, in the order of the calls")
    func runsInOrder() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        for number in 0..<1000 { loop.execute { journal.add("\(number) \(loop.isCurrent)") } }
        await loop.settle()
        #expect(journal.all == (0..<1000).map { "\($0) true" })
        #expect(!loop.isCurrent)
    }

    @Test("keeps the order of each of several threads")
    func keepsOrderOfEachThread() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        await withTaskGroup(of: Void.self) { group in
            for name in ["a", "b", "c"] {
                group.addTask {
                    for number in 0..<500 { loop.execute { journal.add("\(name)\(number)") } }
                }
            }
        }
        await loop.settle()
        for name in ["a", "b", "c"] {
            #expect(journal.all.filter { $0.hasPrefix(name) } == (0..<500).map { "\(name)\($0)" })
        }
    }

    @Test("waits for its turn when it is posted by the loop itself")
    func doesNotRunInside() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let journal = Journal()
        loop.execute {
            loop.execute { journal.add("inner") }
            journal.add("outer")
        }
        await loop.settle()
        #expect(journal.all == ["outer", "inner"])
    }

    @Test("does not starve descriptors and timers by posting itself again")
    func leavesRoom() async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let pair = try SocketPair()
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        let handler = Handler { _ in if pair.takeByte() { continuation.yield("descriptor") } }
        let journal = Journal()
        @Sendable func again() {
            if journal.all.isEmpty { loop.execute(again) }
        }
        loop.execute(again)
        #expect(await loop.run { handler.start(pair.near, .readable, on: loop) })
        pair.sendByte()
        loop.schedule(after: 1_000_000) { continuation.yield("timer") }
        var seen: Set<String> = []
        for await event in stream {
            seen.insert(event)
            if seen.count == 2 { break }
        }
        journal.add("enough")
        await loop.run { handler.registration?.cancel() }
    }

    @Test("is done when stop returns, and stop may be called twice")
    func stopRunsPostedWork() throws {
        let loop = try EventLoop(name: "test")
        let journal = Journal()
        for number in 0..<100 { loop.execute { journal.add("\(number)") } }
        loop.stop()
        #expect(journal.all.count == 100)
        loop.stop()
        loop.execute { journal.add("too late") }
        #expect(journal.all.count == 100)
    }

    @Test("names its thread")
    func namesThread() async throws {
        let loop = try EventLoop(name: "a-name-longer-than-15")
        defer { loop.stop() }
        let name = await loop.run { try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8) }
        #expect(name == "a-name-longer-t\n")
    }

    @Test("frees the loop, and with it its descriptors, when it is the last that holds it")
    func freesLoop() throws {
        weak var weakLoop: EventLoop?
        do {
            let loop = try EventLoop(name: "test")
            weakLoop = loop
            loop.schedule(after: 3_600_000_000_000) { [loop] in _ = loop.now }.cancel()
            loop.stop()
        }
        #expect(weakLoop == nil)
    }
}
