import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Packet buffer")
struct PacketBufferTests {
    private let pool = PacketBufferPool()

    private func packet(_ mark: UInt8, capacity: Int = PacketBufferPool.smallCapacity) -> PacketBuffer {
        var packet = pool.take(for: capacity)
        packet.length = 1
        packet.bytes[0] = mark
        return packet
    }

    /// Empties a list.
    private func marks(_ list: inout PacketList) -> [UInt8] {
        var marks: [UInt8] = []
        while let packet = list.popFirst() {
            marks.append(packet.bytes[0])
            pool.release(packet)
        }
        return marks
    }

    #if DEBUG
        @Test("a buffer, or a list of buffers, that is given to nobody ends a debug build")
        func lost() async {
            await #expect(processExitsWith: .failure) { _ = PacketBufferPool().takeLarge() }
            await #expect(processExitsWith: .failure) {
                var list = PacketList()
                list.append(PacketBufferPool().takeLarge())
            }
        }
    #endif

    @Test("a list keeps the order of what is added to its ends, and can be used again once it is empty")
    func order() {
        var list = PacketList()
        for round in 1...2 {
            #expect(list.isEmpty == true)
            list.prepend(packet(2))
            list.append(packet(3))
            list.prepend(packet(1))
            list.append(packet(4))
            #expect(marks(&list) == [1, 2, 3, 4], "round \(round)")
            list.append(packet(5))
            #expect(list.isEmpty == false)
            #expect(marks(&list) == [5])
        }
    }

    @Test("what is released is what is taken next, of each size, and as if it were new")
    func reuse() {
        for capacity in [PacketBufferPool.smallCapacity, PacketBufferPool.mediumCapacity, 65_535] {
            var first = packet(7, capacity: capacity)
            first.growFront(by: 6)
            first.offload = PacketOffload(segmentSize: 1_000, checksumIsPartial: true)
            first.isCounted = false
            let memory = first.space.baseAddress
            pool.release(first)
            let second = pool.take(for: capacity)
            #expect(second.bytes.baseAddress == memory)
            #expect(second.length == 0)
            #expect(second.offload == .none)
            #expect(second.isCounted == true)
            pool.release(second)
        }
    }

    @Test("a queue that is emptied hands its packets out in the order in which they came, whatever their flows")
    func emptiedQueue() {
        var queue = FlowQueue(pool: pool, limitInBytes: 1 << 20, quantum: 2_048)
        // The clock stands still between the packets of each flow, and so between some of two flows.
        let flows: [UInt32] = [9, 9, 3, 3, 70, 9, 1, 9]
        for (mark, flow) in flows.enumerated() {
            queue.enqueue(packet(UInt8(mark)), flowHash: flow, now: UInt64(mark / 2 * 10))
        }
        var marks: [UInt8] = []
        queue.removeAll { marks.append($0.bytes[0]) }
        // Of two that came at the same time the lower bucket's is the first; 70 is in bucket 6 of 64.
        #expect(marks == [0, 1, 2, 3, 4, 5, 6, 7])
        #expect(queue.footprint == 0)
    }
}
