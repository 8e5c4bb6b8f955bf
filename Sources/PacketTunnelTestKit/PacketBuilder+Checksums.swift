import IPPacket

extension PacketBuilder {
    /// Computes the IPv4 header checksum and the transport checksum of a whole packet anew.
    public static func recomputeChecksums(_ packet: inout [UInt8]) {
        if packet[0] >> 4 == 4 {
            packet[10] = 0
            packet[11] = 0
            put(~folded(packet[..<headerLength(packet)]), at: 10, in: &packet)
        }
        guard let offset = checksumOffset(packet) else { return }
        packet[offset] = 0
        packet[offset + 1] = 0
        let checksum = ~folded(covered(packet))
        put(checksum == 0 && transportProtocol(packet) == 17 ? 0xffff : checksum, at: offset, in: &packet)
    }

    /// True if every checksum of a whole packet is right; a UDP packet over IPv4 may have none.
    public static func checksumsAreValid(_ packet: [UInt8]) -> Bool {
        if packet[0] >> 4 == 4, folded(packet[..<headerLength(packet)]) != 0xffff { return false }
        guard let offset = checksumOffset(packet) else { return true }
        if transportProtocol(packet) == 17, packet[offset] == 0, packet[offset + 1] == 0 { return packet[0] >> 4 == 4 }
        return folded(covered(packet)) == 0xffff
    }

    /// The folded sum of the pseudo-header alone: what a partial checksum field holds.
    public static func pseudoHeaderSum(_ packet: [UInt8]) -> UInt16 {
        folded(pseudoHeader(packet))
    }

    private static func headerLength(_ packet: [UInt8]) -> Int {
        packet[0] >> 4 == 4 ? Int(packet[0] & 0x0f) * 4 : 40
    }

    private static func transportProtocol(_ packet: [UInt8]) -> UInt8 {
        packet[0] >> 4 == 4 ? packet[9] : packet[6]
    }

    private static func checksumOffset(_ packet: [UInt8]) -> Int? {
        let offset: Int
        switch transportProtocol(packet) {
        case 6: offset = headerLength(packet) + 16
        case 17: offset = headerLength(packet) + 6
        case 1, 58: offset = headerLength(packet) + 2
        default: return nil
        }
        return offset + 2 <= packet.count ? offset : nil
    }

    private static func pseudoHeader(_ packet: [UInt8]) -> [UInt8] {
        let number = transportProtocol(packet)
        if number == 1 { return [] }
        let addresses = packet[0] >> 4 == 4 ? packet[12..<20] : packet[8..<40]
        let length = packet.count - headerLength(packet)
        return addresses + [UInt8(length >> 8), UInt8(length & 0xff), 0, number]
    }

    private static func covered(_ packet: [UInt8]) -> [UInt8] {
        pseudoHeader(packet) + packet[headerLength(packet)...]
    }

    /// RFC 1071 as it is written: two bytes at a time, the carry added back at once.
    static func folded(_ bytes: some Collection<UInt8>) -> UInt16 {
        var sum: UInt32 = 0
        var isHigh = true
        for byte in bytes {
            sum += isHigh ? UInt32(byte) << 8 : UInt32(byte)
            if sum > 0xffff { sum -= 0xffff }
            isHigh.toggle()
        }
        return UInt16(sum)
    }

    static func put(_ value: UInt16, at offset: Int, in packet: inout [UInt8]) {
        packet[offset] = UInt8(value >> 8)
        packet[offset + 1] = UInt8(value & 0xff)
    }
}
