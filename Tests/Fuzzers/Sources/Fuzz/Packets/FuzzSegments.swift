import IPPacket
import PacketTunnelTestKit

@testable import PacketTunnel

/// A super-packet is cut, some segments are damaged, and all are joined again by the device writer: what a device cuts
/// from the result are the very packets that went in.
func fuzzSegments(_ input: Input) -> Int32 {
    var input = input
    let segmentSize = 1 + input.number() % 2_000
    let damage = (0..<Int(input.byte() % 6)).map { _ in (input.number(), input.number(), input.byte()) }
    let repeats = Int(input.byte() % 8)
    var packet = input.rest()
    // Short inputs stand for long packets, so that there is something to cut.
    if packet.count > 60, repeats > 0 { lengthen(&packet, by: repeats) }
    guard let summary = try? PacketSummary(validating: packet.span.bytes) else { return 0 }
    guard summary.transport == .tcp || summary.transport == .udp else { return 0 }
    guard summary.source.isIPv4 == (summary.version == .v4) else { return 0 }
    // More than a hundred segments show nothing that these do not, and take their time.
    var segments = cut(packet, summary, max(segmentSize, summary.payloadLength / 100 + 1))
    check(segments.allSatisfy { isWhole($0) }, "segments are whole packets")
    for (number, offset, value) in damage {
        let index = number % segments.count
        segments[index][offset % segments[index].count] ^= value
    }
    let accepted = segments.filter { (try? PacketSummary(validating: $0.span.bytes)) != nil }
    let written = join(accepted)
    check(comparable(written) == comparable(accepted), "the same packets in the same order")
    return 0
}

private func lengthen(_ packet: inout [UInt8], by repeats: Int) {
    let tail = Array(packet.suffix(32))
    for _ in 0..<(repeats * 40) { packet += tail }
    guard packet.count <= 65_535 else { return }
    let isIPv4 = packet[0] >> 4 == 4
    let length = isIPv4 ? packet.count : packet.count - 40
    guard length > 0 else { return }
    let offset = isIPv4 ? 2 : 4
    (packet[offset], packet[offset + 1]) = (UInt8(length >> 8), UInt8(length & 0xff))
    let isUDP = packet[isIPv4 ? 9 : 6] == 17
    let header = isIPv4 ? 20 : 40
    guard isUDP else { return }
    let udp = packet.count - header
    (packet[header + 4], packet[header + 5]) = (UInt8(udp >> 8), UInt8(udp & 0xff))
}

private func cut(_ packet: [UInt8], _ summary: PacketSummary, _ segmentSize: Int) -> [[UInt8]] {
    let segmenter = PacketSegmenter(summary: summary, segmentSize: segmentSize)
    return (0..<segmenter.segmentCount).map { index in
        withExactMemory([UInt8](repeating: 0, count: segmenter.length(ofSegment: index))) { memory in
            var output = MutableRawSpan(_unsafeBytes: memory)
            let length = segmenter.writeSegment(index, of: packet.span.bytes, into: &output)
            check(length == memory.count, "as long as announced")
            return Array(memory)
        }
    }
}

private func isWhole(_ packet: [UInt8]) -> Bool {
    guard (try? PacketSummary(validating: packet.span.bytes)) != nil else { return false }
    return PacketBuilder.checksumsAreValid(packet)
}

private func join(_ packets: [[UInt8]]) -> [[UInt8]] {
    let device = MemoryDevice(on: ManualLoop())
    var writer = DeviceWriter(device: device, pool: PacketBufferPool())
    var memories: [UnsafeMutableRawBufferPointer] = []
    defer { for memory in memories { memory.deallocate() } }
    for packet in packets {
        guard let summary = try? PacketSummary(validating: packet.span.bytes) else { continue }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: packet.count, alignment: 1)
        memory.copyBytes(from: packet)
        memories.append(memory)
        writer.write(memory, summary: summary, offload: .none)
    }
    writer.flush()
    return device.takeWritten().flatMap { written -> [[UInt8]] in
        guard written.offload.isSuperPacket else { return [written.bytes] }
        guard let summary = try? PacketSummary(validating: written.bytes.span.bytes) else {
            check(false, "a joined packet is a packet")
            return []
        }
        return cut(written.bytes, summary, Int(written.offload.segmentSize))
    }
}

/// Packets without the identification of those that may not be fragmented, which means nothing (RFC 6864 §4.1), and
/// with one spelling of a checksum of zero.
private func comparable(_ packets: [[UInt8]]) -> [[UInt8]] {
    packets.map { packet in
        var packet = packet
        guard PacketBuilder.checksumsAreValid(packet) else { return packet }
        if packet[0] >> 4 == 4, packet[6] & 0x40 != 0 { (packet[4], packet[5]) = (0, 0) }
        let hasNone = packet[0] >> 4 == 4 && packet[9] == 17 && packet[26] == 0 && packet[27] == 0
        PacketBuilder.recomputeChecksums(&packet)
        if hasNone { (packet[26], packet[27]) = (0, 0) }
        return packet
    }
}
