import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Flow table")
struct FlowTableTests {
    private static let second: UInt64 = 1_000_000_000

    private static func key(_ number: Int) throws -> FlowKey {
        FlowKey(upstream: try Sample.summary(Sample.upstreamUDP(.v4, sourcePort: UInt16(number))))
    }

    @Test("a flow is over after a minute without packets, and not before")
    func idle() throws {
        var table = FlowTable(limit: 10)
        let key = try Self.key(1)
        let slot = try table.insert(key, Flow(now: 0), now: 0)
        #expect(table.find(key, now: 60 * Self.second) == slot)
        #expect(table.find(key, now: 120 * Self.second) == slot)
        #expect(table.find(key, now: 181 * Self.second) == nil)
        #expect(table.count == 0)
    }

    @Test("at its limit the table lets the oldest idle flow go, and otherwise takes no more")
    func limit() throws {
        var table = FlowTable(limit: 3)
        for number in 0..<3 { _ = try table.insert(Self.key(number), Flow(now: 0), now: 0) }
        _ = table.find(try Self.key(0), now: 30 * Self.second)
        var refusal: RejectReason?
        do throws(RejectReason) {
            guard let key = try? Self.key(3) else { return }
            _ = try table.insert(key, Flow(now: 0), now: 59 * Self.second)
        } catch { refusal = error }
        #expect(refusal == .flowLimit)
        _ = try table.insert(Self.key(3), Flow(now: 61 * Self.second), now: 61 * Self.second)
        #expect(table.find(try Self.key(0), now: 61 * Self.second) != nil)
        #expect(table.find(try Self.key(1), now: 61 * Self.second) == nil)
        #expect(table.find(try Self.key(2), now: 59 * Self.second) != nil)
        #expect(table.find(try Self.key(3), now: 61 * Self.second) != nil)
    }

    @Test("ten thousand random operations agree with a dictionary")
    func random() throws {
        var generator = SeededGenerator(seed: 3)
        var table = FlowTable(limit: 100)
        var model: [Int: UInt64] = [:]
        var now: UInt64 = 0
        for _ in 0..<10_000 {
            now += UInt64.random(in: 0..<(Self.second / 3), using: &generator)
            let number = Int.random(in: 0..<200, using: &generator)
            let isKnown = model[number].map { now - $0 <= 60 * Self.second } ?? false
            let found = table.find(try Self.key(number), now: now)
            #expect((found != nil) == isKnown)
            if isKnown {
                model[number] = now
            } else {
                model[number] = nil
                let oldest = model.min { $0.value < $1.value }
                let isFull = model.count >= 100
                let mayEnter = !isFull || oldest.map { now - $0.value > 60 * Self.second } ?? true
                let isIn = (try? table.insert(Self.key(number), Flow(now: now), now: now)) != nil
                #expect(isIn == mayEnter)
                if isFull, isIn, let oldest { model[oldest.key] = nil }
                if isIn { model[number] = now }
            }
            #expect(table.count == model.count)
        }
    }

    @Test("updaters hear of a flow about once a second and at its end, and of every byte once")
    func updaters() throws {
        let harness = try ServerHarness()
        let updater = RecordedUpdater()
        var hooks = ClientHooks()
        hooks.makeFlowActivityUpdaters = { _, address in address == Sample.remote(.v4) ? [updater] : [] }
        let connection = try harness.connect(hooks: hooks)
        harness.runAll()
        for _ in 0..<25 {
            connection.send(Sample.upstreamUDP(.v4), Sample.upstreamUDP(.v6))
            harness.device.inject(Sample.downstreamUDP(to: try harness.address(.v4)))
            harness.loop.advance(by: .milliseconds(100))
        }
        #expect(updater.all.count == 2)
        connection.transport.finish()
        #expect(updater.all.count == 3)
        #expect(updater.all.reduce(0) { $0 + $1.up } == 100)
        #expect(updater.all.reduce(0) { $0 + $1.down } == 125)
        #expect(updater.all.reduce(0) { $0 + $1.nanoseconds } == 2_500_000_000)
    }
}

private final class RecordedUpdater: FlowActivityUpdater, @unchecked Sendable {
    private(set) var all: [(up: Int, down: Int, nanoseconds: UInt64)] = []

    func updateProgress(downstreamBytes: Int, upstreamBytes: Int, nanoseconds: UInt64) {
        all.append((upstreamBytes, downstreamBytes, nanoseconds))
    }
}
