internal import IPPacket

/// Explicit congestion notification of the inner packet (RFC 3168 §5).
enum CongestionMark {
    /// Sets Congestion Experienced where the sender said that it listens. False: the packet has to be dropped.
    static func apply(to packet: UnsafeMutableRawBufferPointer) -> Bool {
        var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
        guard bytes.byteCount >= IPv4Field.headerLength else { return false }
        let isIPv4 = bytes.byte(at: IPv4Field.versionAndLength) >> 4 == 4
        // The first word holds both bits: those of IPv6 stand four places further up.
        let word = bytes.uint16(at: IPv4Field.versionAndLength)
        let shift: UInt16 = isIPv4 ? 0 : 4
        guard word >> shift & 0b11 != 0 else { return false }
        let marked = word | 0b11 << shift
        bytes.store(marked, at: IPv4Field.versionAndLength)
        if isIPv4 {
            let old = bytes.uint16(at: IPv4Field.checksum)
            let checksum = InternetChecksum.adjust(checksum: old, removing: word, adding: marked)
            bytes.store(checksum, at: IPv4Field.checksum)
        }
        return true
    }
}
