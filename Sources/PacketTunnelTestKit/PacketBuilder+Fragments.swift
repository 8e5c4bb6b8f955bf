extension PacketBuilder {
    /// Cuts a packet into fragments, as a router or its sender does (RFC 791 §3.2, RFC 8200 §4.5).
    ///
    /// - Parameters:
    ///   - packet: A whole packet without options or extension headers.
    ///   - mtu: Bytes of the largest fragment; at least 68.
    ///   - identification: What the fragments have in common; IPv4 has room for 16 bits of it.
    public static func fragments(of packet: [UInt8], mtu: Int, identification: UInt32) -> [[UInt8]] {
        let isIPv4 = packet[0] >> 4 == 4
        let headerLength = isIPv4 ? 20 : 40
        let payload = Array(packet[headerLength...])
        let most = (mtu - headerLength - (isIPv4 ? 0 : 8)) & ~7
        return stride(from: 0, to: payload.count, by: most).map { offset in
            let piece = payload[offset..<min(offset + most, payload.count)]
            return fragment(
                Array(piece),
                offset: offset,
                hasMore: piece.endIndex < payload.count,
                header: Array(packet[..<headerLength]),
                identification: identification
            )
        }
    }

    /// One fragment with a payload, whatever the rest of its datagram may be.
    ///
    /// - Parameters:
    ///   - offset: Where the payload stands in the datagram's, in bytes; a multiple of 8.
    ///   - header: The IP header of the whole packet, without its fragment header in IPv6.
    public static func fragment(
        _ payload: [UInt8],
        offset: Int,
        hasMore: Bool,
        header: [UInt8],
        identification: UInt32
    ) -> [UInt8] {
        var packet = header
        if header[0] >> 4 == 4 {
            put(UInt16(20 + payload.count), at: 2, in: &packet)
            put(UInt16(truncatingIfNeeded: identification), at: 4, in: &packet)
            put(UInt16(offset / 8) | (hasMore ? 0x2000 : 0), at: 6, in: &packet)
            put(UInt16(0), at: 10, in: &packet)
            put(~folded(packet[...]), at: 10, in: &packet)
        } else {
            put(UInt16(8 + payload.count), at: 4, in: &packet)
            packet[6] = 44
            packet += [header[6], 0, 0, 0, 0, 0, 0, 0]
            put(UInt16(offset) | (hasMore ? 1 : 0), at: 42, in: &packet)
            put(UInt16(truncatingIfNeeded: identification >> 16), at: 44, in: &packet)
            put(UInt16(truncatingIfNeeded: identification), at: 46, in: &packet)
        }
        return packet + payload
    }

    /// Puts the fragments of one datagram together again; nil unless they are all there, once each and in order.
    public static func reassembled(_ fragments: [[UInt8]]) -> [UInt8]? {
        guard let first = fragments.first else { return nil }
        let isIPv4 = first[0] >> 4 == 4
        var payload: [UInt8] = []
        for (index, fragment) in fragments.enumerated() {
            let field = UInt16(fragment[isIPv4 ? 6 : 42]) << 8 | UInt16(fragment[isIPv4 ? 7 : 43])
            let offset = isIPv4 ? Int(field & 0x1fff) * 8 : Int(field & 0xfff8)
            let hasMore = field & (isIPv4 ? 0x2000 : 1) != 0
            guard offset == payload.count, hasMore == (index < fragments.count - 1) else { return nil }
            payload += fragment[(isIPv4 ? 20 : 48)...]
        }
        var packet = Array(first[..<(isIPv4 ? 20 : 40)])
        if isIPv4 {
            put(UInt16(20 + payload.count), at: 2, in: &packet)
            put(UInt16(0), at: 6, in: &packet)
            put(UInt16(0), at: 10, in: &packet)
            put(~folded(packet[...]), at: 10, in: &packet)
        } else {
            put(UInt16(payload.count), at: 4, in: &packet)
            packet[6] = first[40]
        }
        return packet + payload
    }
}
