import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Device reader")
struct DeviceReaderTests {
    private let device = MemoryDevice(on: ManualLoop())
    private let pool = PacketBufferPool()

    /// The number of packets of each batch, until nothing waits any more.
    private func batches(of length: Int, count: Int) -> [Int] {
        let reader = DeviceReader(device: device, pool: pool)
        device.inject(MemoryPacket(patternBytes(length)), count: count)
        var sizes: [Int] = []
        while device.waitingCount > 0 {
            sizes.append(0)
            reader.readBatch { packet in
                #expect(packet.length == length)
                sizes[sizes.count - 1] += 1
                return false
            }
        }
        return sizes
    }

    @Test("A batch of small packets has 64 of them")
    func packetLimit() {
        #expect(batches(of: 100, count: 130) == [64, 64, 2])
    }

    @Test("A batch of super-packets ends with the one that fills 128 KiB")
    func byteLimit() {
        #expect(batches(of: 65_000, count: 7) == [3, 3, 1])
    }

    @Test("A buffer that was kept is not written over by the next packet")
    func keptBuffer() {
        let reader = DeviceReader(device: device, pool: pool)
        device.inject([MemoryPacket([1, 1]), MemoryPacket([2, 2]), MemoryPacket([3, 3])])
        var kept: [PacketBuffer] = []
        reader.readBatch { packet in
            kept.append(packet)
            return true
        }
        #expect(kept.map { unsafe Array($0.bytes) } == [[1, 1], [2, 2], [3, 3]])
        for packet in kept { pool.release(packet) }
    }

    @Test("Stopping closes the device")
    func stop() {
        let reader = DeviceReader(device: device, pool: pool)
        reader.start {}
        reader.stop()
        #expect(device.isClosed)
    }
}
