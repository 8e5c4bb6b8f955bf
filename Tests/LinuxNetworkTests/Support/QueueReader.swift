import EventLoops
import Foundation
import IPPacket
import PacketTunnel
import Testing

@testable import LinuxNetwork

/// A packet that a queue handed over.
struct ReadPacket: Sendable {
    var bytes: [UInt8]
    var summary: PacketSummary
    var offload: PacketOffload
}

/// Collects what a device hands over.
final class QueueReader<Device: PacketDevice & Sendable>: @unchecked Sendable {
    private let device: Device
    private let loop: EventLoop
    private let stream: AsyncStream<ReadPacket>
    private let continuation: AsyncStream<ReadPacket>.Continuation
    private var buffer = [UInt8](repeating: 0, count: 65_535)

    init(_ device: Device, loop: EventLoop) {
        self.device = device
        self.loop = loop
        (stream, continuation) = AsyncStream.makeStream()
    }

    func start() async {
        await loop.run { [self] in
            device.start { [self] in
                while let packet = device.receive(&buffer) {
                    let bytes = Array(buffer[..<packet.length])
                    guard let summary = try? PacketSummary(validating: bytes.span.bytes) else { continue }
                    continuation.yield(ReadPacket(bytes: bytes, summary: summary, offload: packet.offload))
                }
            }
        }
    }

    /// The next packet that `isWanted` accepts; others are dropped.
    func next(_ isWanted: @Sendable (ReadPacket) -> Bool = { _ in true }) async throws -> ReadPacket {
        for await packet in stream where isWanted(packet) { return packet }
        throw CancellationError()
    }
}

extension QueueReader where Device == TunLane {
    convenience init(_ queue: TunLane) { self.init(queue, loop: queue.loop) }
}

extension PacketDevice {
    func receive(_ buffer: inout [UInt8]) -> DevicePacket? {
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        return read(into: &bytes)
    }

    /// Writes a whole packet with a finished checksum.
    func send(_ packet: [UInt8]) -> Bool {
        guard let summary = try? PacketSummary(validating: packet.span.bytes) else { return false }
        return packet.withUnsafeBytes { bytes in
            var parts = PacketParts()
            parts.append(bytes)
            return write(parts, summary: summary, offload: .none)
        }
    }
}

/// The addresses on both sides of a tun.
struct TestEnds: Sendable {
    var near: IPAddress
    var far: IPAddress

    init(_ version: IPVersion) {
        near = address(version == .v4 ? "198.51.100.1" : "2001:db8:100::1")
        far = address(version == .v4 ? "198.51.100.2" : "2001:db8:100::2")
    }

    var reversed: TestEnds {
        var ends = self
        swap(&ends.near, &ends.far)
        return ends
    }

    func configure(_ interface: String, mtu: Int = 1500) throws {
        let length = near.isIPv4 ? 24 : 64
        // The kernel puts an IPv6 address into use in its own time; what arrives before is lost.
        try shell(
            """
            set -e
            ip addr add \(near)/\(length) dev \(interface) \(near.isIPv4 ? "" : "nodad")
            ip link set \(interface) mtu \(mtu) up
            until ip route get \(near) | grep -q ^local; do :; done
            """
        )
    }
}
