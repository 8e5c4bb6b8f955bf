public import IPPacket
public import PacketTunnel

/// Lays packets into frames and takes them out again, for the other side of a transport in a test.
///
/// Written from the description of the formats alone: it shares no code with what it serves to test.
public enum MemoryFrames {
    /// One packet as one frame. `offload` is written by the framing that has room for it, and dropped by the others.
    public static func frame(
        _ packet: [UInt8],
        offload: PacketOffload = .none,
        as framing: ChannelFraming
    ) -> [UInt8] {
        let length = [UInt8(packet.count >> 8), UInt8(packet.count & 0xff)]
        switch framing {
        case .psiphon: return length + packet
        case .openSSH: return [0, 0, 0, packet.first.map { $0 >> 4 } == 4 ? 2 : 24] + packet
        case .gso:
            let size = [UInt8(offload.segmentSize >> 8), UInt8(offload.segmentSize & 0xff)]
            return length + [offload.checksumIsPartial ? 1 : 0, 0] + size + packet
        }
    }

    /// The packets in messages, which may cut frames of the stream framings anywhere; nil if they end within a frame.
    public static func packets(in messages: [[UInt8]], as framing: ChannelFraming) -> [MemoryPacket]? {
        if framing == .openSSH { return messages.map { MemoryPacket(Array($0.dropFirst(4))) } }
        let stream = Array(messages.joined())
        let headerLength = framing == .psiphon ? 2 : 6
        var packets: [MemoryPacket] = []
        var offset = 0
        while offset < stream.count {
            guard offset + headerLength <= stream.count else { return nil }
            let start = offset + headerLength
            let end = start + Int(stream[offset]) << 8 + Int(stream[offset + 1])
            guard end <= stream.count else { return nil }
            var packet = MemoryPacket(Array(stream[start..<end]))
            if framing == .gso {
                packet.offload.checksumIsPartial = stream[offset + 2] & 1 != 0
                packet.offload.segmentSize = UInt16(stream[offset + 4]) << 8 | UInt16(stream[offset + 5])
            }
            packets.append(packet)
            offset = end
        }
        return packets
    }
}
