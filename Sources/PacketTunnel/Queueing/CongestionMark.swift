internal import IPPacket

/// Explicit congestion notification of the inner packet (RFC 3168 §5).
enum CongestionMark {
    /// Sets Congestion Experienced where the sender said that it listens. False: the packet has to be dropped.
    static func apply(to packet: UnsafeMutableRawBufferPointer) -> Bool {
        var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
        guard bytes.byteCount >= 20 else { return false }
        let isIPv4 = bytes.byte(at: 0) >> 4 == 4
        let word = bytes.uint16(at: 0)
        let shift: UInt16 = isIPv4 ? 0 : 4
        guard word >> shift & 0b11 != 0 else { return false }
        let marked = word | 0b11 << shift
        bytes.store(marked, at: 0)
        if isIPv4 {
            let checksum = InternetChecksum.adjust(checksum: bytes.uint16(at: 10), removing: word, adding: marked)
            bytes.store(checksum, at: 10)
        }
        return true
    }
}
