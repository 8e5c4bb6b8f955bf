import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Synchronization
import Testing

@Suite("A packet queue", .timeLimit(.minutes(5)))
struct PacketQueueTests {
    private static func packet(_ port: UInt16 = 1_000, size: Int = 1_000) -> [UInt8] {
        PacketBuilder.udp(
            source: IPAddress(ipv4: 0xc0a8_0102),
            destination: IPAddress(ipv4: 0xcb00_7109),
            sourcePort: port,
            payload: .init(repeating: 7, count: size)
        )
    }

    @Test("gives the queued packets in one run of frames", arguments: [ChannelFraming.psiphon, .gso])
    func run(framing: ChannelFraming) async throws {
        let queue = PacketQueue(framing: framing)
        let packets = (0..<10).map { _ in Self.packet() }
        for packet in packets { #expect(queue.enqueue(packet)) }
        let frames = try #require(await queue.dequeueFramedPackets())
        #expect(MemoryFrames.packets(in: [frames], as: framing)?.map(\.bytes) == packets)
        queue.replace(frames)
        #expect(queue.droppedPacketCount == 0)
    }

    @Test("waits for the first packet")
    func waits() async throws {
        let queue = PacketQueue()
        async let frames = queue.dequeueFramedPackets()
        for _ in 0..<20 { await Task.yield() }
        queue.enqueue(Self.packet())
        #expect(await frames?.count == Self.packet().count + 2)
    }

    @Test("is interrupted by the end of its task, and by its own")
    func interrupted() async throws {
        let queue = PacketQueue()
        let waiting = Task { await queue.dequeueFramedPackets() }
        for _ in 0..<20 { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value == nil)
        async let last = queue.dequeueFramedPackets()
        for _ in 0..<20 { await Task.yield() }
        queue.close()
        #expect(await last == nil)
        #expect(!queue.enqueue(Self.packet()))
    }

    @Test("drops packets of the longest flow when it is full, and no others")
    func full() async throws {
        let queue = PacketQueue(limitInBytes: 64 << 10)
        queue.enqueue(Self.packet(9))
        for _ in 0..<500 { queue.enqueue(Self.packet(1)) }
        #expect(queue.droppedPacketCount > 400)
        var ports: Set<UInt16> = []
        while ports.count < 2, let frames = await queue.dequeueFramedPackets() {
            for packet in MemoryFrames.packets(in: [frames], as: .psiphon) ?? [] {
                ports.insert(try PacketSummary(validating: packet.bytes.span.bytes).sourcePort)
            }
        }
        #expect(ports == [1, 9])
    }

    @Test("refuses what is no packet, and counts it")
    func refuses() {
        let queue = PacketQueue()
        #expect(!queue.enqueue([1, 2, 3]))
        #expect(queue.droppedPacketCount == 1)
    }

    @Test("hands on or counts as dropped every packet of several threads")
    func threads() async throws {
        let queue = PacketQueue(limitInBytes: 64 << 20)
        let received = Atomic(0)
        async let receiving: Void = {
            while let frames = await queue.dequeueFramedPackets() {
                let count = MemoryFrames.packets(in: [frames], as: .psiphon)?.count ?? 0
                received.add(count, ordering: .relaxed)
                queue.replace(frames)
            }
        }()
        await withTaskGroup { group in
            for port in UInt16(1)...4 {
                group.addTask { for _ in 0..<1_000 { queue.enqueue(Self.packet(port, size: 20)) } }
            }
        }
        // What waits for long may be dropped (RFC 8289), whether there is room or not.
        while received.load(ordering: .relaxed) + queue.droppedPacketCount < 4_000 { await Task.yield() }
        #expect(received.load(ordering: .relaxed) > 0)
        queue.close()
        await receiving
    }
}
