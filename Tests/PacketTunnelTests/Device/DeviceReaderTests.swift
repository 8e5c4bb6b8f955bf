import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Device reader")
struct DeviceReaderTests {
    private let device = MemoryDevice(on: ManualLoop())
    private let pool = PacketBufferPool()

    private struct Batch: Equatable {
        var count = 0
        var isFlood = false
    }

    /// All batches, until nothing waits any more.
    private func batches(of length: Int, count: Int) -> [Batch] {
        let reader = DeviceReader(device: device, pool: pool)
        device.inject(MemoryPacket(patternBytes(length)), count: count)
        var batches: [Batch] = []
        while device.waitingCount > 0 {
            var batch = Batch()
            batch.isFlood = reader.readBatch { packet in
                #expect(packet.length == length)
                batch.count += 1
                return packet
            }
            batches.append(batch)
        }
        return batches
    }

    @Test("A batch of small packets has 64 of them, and more are a flood")
    func packetLimit() {
        let full = Batch(count: 64, isFlood: true)
        #expect(batches(of: 100, count: 130) == [full, full, Batch(count: 2)])
    }

    @Test("A batch of super-packets ends with the one that fills 128 KiB, and is no flood")
    func byteLimit() {
        #expect(batches(of: 65_000, count: 7) == [Batch(count: 3), Batch(count: 3), Batch(count: 1)])
    }

    @Test("A buffer that was kept is not written over by the next packet")
    func keptBuffer() {
        let reader = DeviceReader(device: device, pool: pool)
        device.inject([MemoryPacket([1, 1]), MemoryPacket([2, 2]), MemoryPacket([3, 3])])
        var kept = PacketList()
        let isFlood = reader.readBatch { packet in
            kept.append(packet)
            return nil
        }
        #expect(!isFlood)
        var contents: [[UInt8]] = []
        while let packet = kept.popFirst() {
            contents.append(Array(packet.bytes))
            pool.release(packet)
        }
        #expect(contents == [[1, 1], [2, 2], [3, 3]])
    }

    @Test("A server gives way to other threads after each batch of a flood", arguments: IPVersion.allCases)
    func serverGivesWay(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        let packet = MemoryPacket(Sample.downstreamUDP(to: try harness.address(version)))
        harness.device.inject(packet, count: 63)
        #expect(harness.loop.yieldCount == 0)
        harness.device.inject(packet, count: 130)
        #expect(harness.loop.yieldCount == 2)
    }

    @Test("Stopping closes the device")
    func stop() {
        let reader = DeviceReader(device: device, pool: pool)
        reader.start {}
        reader.stop()
        #expect(device.isClosed)
    }
}
