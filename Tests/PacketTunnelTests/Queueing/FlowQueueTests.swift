import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Flow queue")
struct FlowQueueTests {
    /// A queue with a clock of its own.
    private final class Fixture {
        let pool = PacketBufferPool()
        var queue: FlowQueue
        var now: UInt64 = 1_000_000_000

        init(limit: Int = 64 << 20, quantum: Int = 2_048) {
            queue = FlowQueue(pool: pool, limitInBytes: limit, quantum: quantum)
        }

        deinit { queue.removeAll() }

        /// Queues a packet of `length` bytes that begins with its flow's number.
        func enqueue(_ flow: UInt32, _ length: Int, trafficClass: UInt8 = 0, mark: UInt8 = 0) {
            var packet = pool.take(for: length)
            packet.length = length
            packet.bytes.initializeMemory(as: UInt8.self, repeating: 0)
            (packet.bytes[0], packet.bytes[1]) = (0x45, trafficClass)
            (packet.bytes[2], packet.bytes[3]) = (UInt8(flow), mark)
            queue.enqueue(packet, flowHash: flow, now: now)
        }

        /// The next packet's flow, mark and ECN bits.
        func dequeue() -> (flow: UInt8, mark: UInt8, congestion: UInt8, length: Int)? {
            guard let packet = queue.dequeue(now: now) else { return nil }
            let facts = (packet.bytes[2], packet.bytes[3], packet.bytes[1] & 3, packet.length)
            pool.release(packet)
            return facts
        }

        var isEmpty: Bool { queue.isEmpty }
        var footprint: Int { queue.footprint }
        var markCount: Int { queue.markCount }
        func takeDropCount() -> Int { queue.takeDropped().packetCount }

        func drain() -> [UInt8] {
            var flows: [UInt8] = []
            while let next = dequeue() { flows.append(next.flow) }
            return flows
        }

        func pass(milliseconds: UInt64) { now += milliseconds * 1_000_000 }
    }

    @Test("packets of one flow keep their order")
    func order() {
        let fixture = Fixture()
        for mark in 0..<100 { fixture.enqueue(1, 1_000, mark: UInt8(mark)) }
        for mark in 0..<100 { #expect(fixture.dequeue()?.mark == UInt8(mark)) }
        #expect(fixture.drain().isEmpty)
        #expect(fixture.isEmpty)
    }

    @Test("flows share by bytes, whatever the size of their packets", arguments: [2_048, 16_384])
    func fairness(_ quantum: Int) {
        let fixture = Fixture(quantum: quantum)
        let sizes = [1: 1_500, 2: 300, 3: 100]
        for (flow, size) in sizes {
            for _ in 0..<(600_000 / size) { fixture.enqueue(UInt32(flow), size) }
        }
        var sent: [UInt8: Int] = [:]
        for _ in 0..<6_000 {
            guard let next = fixture.dequeue() else { break }
            sent[next.flow, default: 0] += next.length
        }
        let amounts = sent.values
        #expect(sent.count == 3)
        #expect((amounts.max() ?? 0) - (amounts.min() ?? 0) <= 2 * quantum + 1_500)
    }

    @Test("a flow that has just begun passes one that fills the queue")
    func sparseFirst() {
        let fixture = Fixture()
        for _ in 0..<1_000 { fixture.enqueue(1, 1_500) }
        for _ in 0..<10 { _ = fixture.dequeue() }
        fixture.enqueue(2, 80)
        #expect(fixture.dequeue()?.flow == 2)
        // It sends now and then, and passes each time.
        for _ in 0..<20 {
            for _ in 0..<10 { _ = fixture.dequeue() }
            fixture.enqueue(2, 80)
            #expect((0..<3).contains { _ in fixture.dequeue()?.flow == 2 })
        }
    }

    @Test("a flow that always has a packet ready does not stay new for ever")
    func noStarvation() {
        let fixture = Fixture()
        for _ in 0..<500 { fixture.enqueue(1, 1_500) }
        _ = fixture.dequeue()
        var flows: [UInt8] = []
        for _ in 0..<200 {
            fixture.enqueue(2, 1_400)
            if let next = fixture.dequeue() { flows.append(next.flow) }
        }
        #expect(flows.count { $0 == 1 } >= 90)
    }

    @Test("nothing is dropped while the delay stays below the target")
    func belowTarget() {
        let fixture = Fixture()
        for _ in 0..<2_000 {
            for _ in 0..<10 { fixture.enqueue(1, 1_500) }
            fixture.pass(milliseconds: 4)
            for _ in 0..<10 { _ = fixture.dequeue() }
        }
        #expect(fixture.takeDropCount() == 0)
    }

    /// Keeps a queue of 200 packets standing: as many come as go, and each waits for `milliseconds` in all.
    private func stand(_ fixture: Fixture, rounds: Int, trafficClass: UInt8 = 0, length: Int = 1_500) {
        for _ in 0..<rounds {
            fixture.enqueue(1, length, trafficClass: trafficClass)
            fixture.pass(milliseconds: 1)
            _ = fixture.dequeue()
        }
    }

    @Test("a standing queue is left alone for 100 ms above the target, and then dropped from at a rising rate")
    func drops() {
        let fixture = Fixture()
        for _ in 0..<200 { fixture.enqueue(1, 1_500) }
        fixture.pass(milliseconds: 6)
        stand(fixture, rounds: 98)
        #expect(fixture.takeDropCount() == 0)
        stand(fixture, rounds: 5)
        #expect(fixture.takeDropCount() == 1)
        stand(fixture, rounds: 400)
        let first = fixture.takeDropCount()
        // Between two drops lie 100 ms divided by the square root of their number (RFC 8289 §5.3).
        #expect((5...8).contains(first))
        stand(fixture, rounds: 400)
        #expect(fixture.takeDropCount() > first)
    }

    @Test("over a long path a queue may stand for three round trips, and one of less than a quarter for ever")
    func longPath() {
        let fixture = Fixture()
        fixture.queue.timing = CoDelTiming(roundTrip: 200_000_000)
        for _ in 0..<200 { fixture.enqueue(1, 1_500) }
        fixture.pass(milliseconds: 51)
        stand(fixture, rounds: 598)
        #expect(fixture.takeDropCount() == 0)
        stand(fixture, rounds: 5)
        #expect(fixture.takeDropCount() == 1)
        let short = Fixture()
        short.queue.timing = CoDelTiming(roundTrip: 200_000_000)
        for _ in 0..<48 { short.enqueue(1, 1_500) }
        stand(short, rounds: 2_000)
        #expect(short.takeDropCount() == 0)
    }

    @Test(
        "the target is 5 ms or a quarter of the round trip, the interval 100 ms or three round trips, and both have an end",
        arguments: [
            (0, 5, 100), (19, 5, 100), (40, 10, 120), (100, 25, 300), (1_000, 250, 3_000), (60_000, 250, 3_000),
        ] as [(UInt64, UInt64, UInt64)]
    )
    func timing(_ roundTrip: UInt64, _ target: UInt64, _ interval: UInt64) {
        let timing = CoDelTiming(roundTrip: roundTrip * 1_000_000)
        #expect(timing.target == target * 1_000_000 && timing.interval == interval * 1_000_000)
    }

    @Test("dropping ends when the queue has drained, and nothing is remembered for long")
    func recovers() {
        let fixture = Fixture()
        for _ in 0..<200 { fixture.enqueue(1, 1_500) }
        fixture.pass(milliseconds: 6)
        stand(fixture, rounds: 600)
        _ = fixture.drain()
        _ = fixture.takeDropCount()
        fixture.pass(milliseconds: 5_000)
        for _ in 0..<200 { fixture.enqueue(1, 1_500) }
        stand(fixture, rounds: 90)
        #expect(fixture.takeDropCount() == 0)
    }

    @Test("a sender that listens to congestion marks is marked instead", arguments: [UInt8(1), 2])
    func marks(_ congestion: UInt8) {
        let fixture = Fixture()
        for _ in 0..<200 { fixture.enqueue(1, 1_500, trafficClass: congestion) }
        fixture.pass(milliseconds: 6)
        stand(fixture, rounds: 500, trafficClass: congestion)
        #expect(fixture.takeDropCount() == 0)
        #expect(fixture.markCount > 5)
    }

    @Test("a slow channel's queue of small packets is held down too")
    func slowChannel() {
        let fixture = Fixture()
        for _ in 0..<20 { fixture.enqueue(1, 1_500) }
        fixture.pass(milliseconds: 100)
        for _ in 0..<60 {
            fixture.enqueue(1, 1_500)
            fixture.pass(milliseconds: 10)
            _ = fixture.dequeue()
        }
        #expect(fixture.takeDropCount() > 0)
    }

    @Test("an overflow drops from the front of the flow that holds most, and spares the others")
    func overflow() {
        let fixture = Fixture(limit: 1 << 20)
        for mark in 0..<20 { fixture.enqueue(2, 200, mark: UInt8(mark)) }
        for _ in 0..<5_000 { fixture.enqueue(1, 1_500) }
        let dropped = fixture.takeDropCount()
        let flows = fixture.drain()
        #expect(flows.count { $0 == 2 } == 20)
        #expect(flows.count + dropped == 5_020)
        #expect(dropped > 4_000)
    }

    @Test(
        "four windows of the path may wait, at least the limit and at most four times that",
        arguments: [(0, 1), (262_144, 1), (524_288, 2), (1 << 20, 4), (.max, 4)]
    )
    func window(_ window: Int, _ limits: Int) {
        let limit = 1 << 20
        let fixture = Fixture(limit: limit)
        for _ in 0..<2 {
            fixture.queue.makeRoom(forWindow: window)
            for _ in 0..<5_000 { fixture.enqueue(1, 1_500) }
            #expect((limits * limit - 140_000...limits * limit).contains(fixture.footprint))
            fixture.queue.makeRoom(forWindow: 0)
            fixture.enqueue(1, 1_500)
            #expect(fixture.footprint <= limit, "a path that has become short gives the memory back")
        }
    }

    @Test("what waits never holds more memory than the limit", arguments: 1...5)
    func footprint(_ seed: UInt64) {
        let limit = 512 << 10
        let fixture = Fixture(limit: limit)
        var generator = SeededGenerator(seed: seed)
        var waiting = 0
        for _ in 0..<5_000 {
            let isLarge = Int.random(in: 0..<4, using: &generator) == 0
            let length = Int.random(in: isLarge ? 2_033...65_535 : 40...1_500, using: &generator)
            fixture.enqueue(.random(in: 0..<200, using: &generator), length)
            waiting += 1 - fixture.takeDropCount()
            #expect(fixture.footprint <= limit)
            if Int.random(in: 0..<3, using: &generator) == 0, fixture.dequeue() != nil { waiting -= 1 }
        }
        #expect(fixture.drain().count == waiting)
        #expect(fixture.footprint == 0)
    }
}

@Suite("Congestion marks")
struct CongestionMarkTests {
    @Test("a mark leaves the checksums right", arguments: IPVersion.allCases, [UInt8(1), 2, 3])
    func valid(_ version: IPVersion, _ congestion: UInt8) {
        var network = PacketBuilder.Network()
        network.trafficClass = 0xb8 | congestion
        var packet = PacketBuilder.udp(
            source: Sample.local(version),
            destination: Sample.remote(version),
            payload: [1, 2, 3],
            network: network
        )
        network.trafficClass = 0xbb
        let expected = PacketBuilder.udp(
            source: Sample.local(version),
            destination: Sample.remote(version),
            payload: [1, 2, 3],
            network: network
        )
        let isMarked = packet.withUnsafeMutableBytes { CongestionMark.apply(to: $0) }
        #expect(isMarked)
        #expect(packet == expected)
    }

    @Test("a packet whose sender does not listen is not touched", arguments: IPVersion.allCases)
    func notCapable(_ version: IPVersion) {
        var packet = Sample.upstreamUDP(version)
        let isMarked = packet.withUnsafeMutableBytes { CongestionMark.apply(to: $0) }
        #expect(!isMarked)
        #expect(packet == Sample.upstreamUDP(version))
    }
}
