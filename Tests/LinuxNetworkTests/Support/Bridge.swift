import EventLoops
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Synchronization

@testable import LinuxNetwork

/// Hands every packet of one queue to the other. Both belong to one loop.
final class Bridge: @unchecked Sendable {
    let packets = Atomic<Int>(0)
    let superPackets = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    private let queues: [TunLane]
    private var buffer = [UInt8](repeating: 0, count: 65_535)
    private var parts = PacketParts()

    init(_ first: TunLane, _ second: TunLane) {
        queues = [first, second]
    }

    func start() {
        let first = queues[0]
        let second = queues[1]
        first.start { [self] in carry(from: first, to: second) }
        second.start { [self] in carry(from: second, to: first) }
    }

    private func carry(from source: TunLane, to target: TunLane) {
        while let packet = source.receive(&buffer) {
            let bytes = buffer[..<packet.length]
            guard let summary = try? PacketSummary(validating: bytes.span.bytes) else { continue }
            packets.add(1, ordering: .relaxed)
            if packet.offload.isSuperPacket { superPackets.add(1, ordering: .relaxed) }
            let isTaken = bytes.withUnsafeBytes { bytes in
                parts.removeAll()
                // In three parts, as the coalescer would hand it over.
                let middle = summary.headerLength + summary.payloadLength / 2
                parts.append(UnsafeRawBufferPointer(rebasing: bytes[..<summary.headerLength]))
                parts.append(UnsafeRawBufferPointer(rebasing: bytes[summary.headerLength..<middle]))
                parts.append(UnsafeRawBufferPointer(rebasing: bytes[middle...]))
                return target.write(parts, summary: summary, offload: packet.offload)
            }
            if !isTaken { refused.add(1, ordering: .relaxed) }
        }
    }
}
