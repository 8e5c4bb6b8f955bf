internal import IPPacket

/// The newest packets for a session whose client is away: they wait for the connection that takes the session over, so that
/// streams inside go on at once instead of at their next retransmission.
///
/// Packets are kept as the device gave them, and judged when they are delivered. Holds at most `limit` bytes.
struct ParkedPackets {
    /// Bytes of packets that wait for one session.
    static let limit = 256 << 10
    /// Bytes of packets that wait for all sessions of a server.
    static let totalLimit = 32 << 20

    struct Packet {
        let bytes: [UInt8]
        let offload: PacketOffload
    }

    /// The oldest first.
    private(set) var packets: [Packet] = []
    private(set) var byteCount = 0

    /// Adds a packet; the oldest ones make room.
    ///
    /// - Returns: the number of packets that were dropped.
    mutating func add(_ packet: Packet) -> Int {
        guard packet.bytes.count <= Self.limit else { return 1 }
        packets.append(packet)
        byteCount += packet.bytes.count
        var dropped = 0
        while byteCount > Self.limit {
            byteCount -= packets[dropped].bytes.count
            dropped += 1
        }
        packets.removeFirst(dropped)
        return dropped
    }
}
