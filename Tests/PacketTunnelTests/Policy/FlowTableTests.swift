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
        let slot = table.insert(key, Flow(now: 0), now: 0)
        #expect(table.find(key, now: 60 * Self.second) == slot)
        #expect(table.find(key, now: 120 * Self.second) == slot)
        #expect(table.find(key, now: 181 * Self.second) == nil)
        #expect(table.count == 0)
    }

    @Test("at its limit the table lets the flow go that has been idle for longest")
    func limit() throws {
        var table = FlowTable(limit: 3)
        for number in 0..<3 { _ = try table.insert(Self.key(number), Flow(now: 0), now: 0) }
        _ = table.find(try Self.key(0), now: Self.second)
        _ = try table.insert(Self.key(3), Flow(now: Self.second), now: Self.second)
        #expect(table.count == 3)
        #expect(table.takeEvictedCount() == 1)
        #expect(table.find(try Self.key(1), now: Self.second) == nil)
        for number in [0, 2, 3] { #expect(table.find(try Self.key(number), now: Self.second) != nil) }
    }

    @Test("TCP connections that carry data both ways make room last, until they end", arguments: IPVersion.allCases)
    func conversations(_ version: IPVersion) throws {
        func segment(_ port: UInt16, flags: UInt8 = TCPFlags.ack, count: Int) throws -> PacketSummary {
            let (local, remote) = (Sample.local(version), Sample.remote(version))
            let payload = [UInt8](repeating: 1, count: count)
            return try Sample.summary(
                PacketBuilder.tcp(source: local, destination: remote, sourcePort: port, flags: flags, payload: payload)
            )
        }
        var table = FlowTable(limit: 4)
        let key = FlowKey(upstream: try segment(1, count: 0))
        let slot = table.insert(key, Flow(now: 0), now: 0)
        #expect(!table.note(try segment(1, flags: TCPFlags.syn, count: 0), .upstream, slot: slot))
        #expect(!table.note(try segment(1, count: 10), .upstream, slot: slot))
        #expect(!table.note(try segment(1, count: 10), .downstream, slot: slot))
        for number in 100..<200 { _ = try table.insert(Self.key(number), Flow(now: 1), now: Self.second) }
        #expect(table.find(key, now: Self.second) == slot)
        // Among conversations the longest idle one goes, and only once there is nothing else.
        #expect(!table.note(try segment(1, flags: TCPFlags.fin | TCPFlags.ack, count: 0), .upstream, slot: slot))
        for number in 200..<203 { _ = try table.insert(Self.key(number), Flow(now: 1), now: Self.second) }
        #expect(table.find(key, now: Self.second) == slot)
        #expect(table.note(try segment(1, flags: TCPFlags.fin | TCPFlags.ack, count: 0), .downstream, slot: slot))
        for number in 300..<304 { _ = try table.insert(Self.key(number), Flow(now: 1), now: Self.second) }
        #expect(table.find(key, now: Self.second) == nil)
    }

    @Test("a table full of conversations still has a place for a new flow")
    func fullOfConversations() throws {
        var table = FlowTable(limit: 3)
        var keys: [FlowKey] = []
        for port in UInt16(1)...3 {
            let summary = try Sample.summary(
                PacketBuilder.tcp(
                    source: Sample.local(.v4),
                    destination: Sample.remote(.v4),
                    sourcePort: port,
                    payload: [1]
                )
            )
            keys.append(FlowKey(upstream: summary))
            let slot = table.insert(keys[keys.count - 1], Flow(now: 0), now: UInt64(port))
            _ = table.note(summary, .upstream, slot: slot)
            _ = table.note(summary, .downstream, slot: slot)
        }
        for number in 10..<20 { _ = try table.insert(Self.key(number), Flow(now: 0), now: 0) }
        let isKnown = keys.map { table.find($0, now: 10) != nil }
        #expect(isKnown == [false, true, true])
    }

    @Test("ten thousand random operations agree with a dictionary")
    func random() throws {
        var generator = SeededGenerator(seed: 3)
        var table = FlowTable(limit: 100)
        var model: [Int: UInt64] = [:]
        var now: UInt64 = 0
        for _ in 0..<10_000 {
            now += UInt64.random(in: 1..<(Self.second / 3), using: &generator)
            let number = Int.random(in: 0..<200, using: &generator)
            let isKnown = model[number].map { now - $0 <= 60 * Self.second } ?? false
            let found = table.find(try Self.key(number), now: now)
            #expect((found != nil) == isKnown)
            if !isKnown {
                model[number] = nil
                if model.count >= 100, let oldest = model.min(by: { $0.value < $1.value }) { model[oldest.key] = nil }
                _ = table.insert(try Self.key(number), Flow(now: now), now: now)
            }
            model[number] = now
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
        #expect(updater.all.reduce(0) { $0 + $1.nanoseconds } == 2_400_000_000)
    }
}

private final class RecordedUpdater: FlowActivityUpdater, @unchecked Sendable {
    private(set) var all: [(up: Int, down: Int, nanoseconds: UInt64)] = []

    func updateProgress(downstreamBytes: Int, upstreamBytes: Int, nanoseconds: UInt64) {
        all.append((upstreamBytes, downstreamBytes, nanoseconds))
    }
}
