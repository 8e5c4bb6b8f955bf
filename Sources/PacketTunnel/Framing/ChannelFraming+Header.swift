internal import IPPacket

/// The header of a `tun@psiphon.ca` frame.
enum PsiphonFrame {
    /// Where the length of the packet stands, 16 bits.
    static let length = 0
}

/// The header of a `tun-gso@packet-tunnel.internal` frame.
enum GSOFrame {
    /// Where the length of the packet stands, 16 bits: as in `PsiphonFrame`.
    static let length = PsiphonFrame.length
    /// Where the flags stand.
    static let flags = 2
    /// Where a byte without a meaning stands.
    static let reserved = 3
    /// Where the segment size stands, 16 bits.
    static let segmentSize = 4
    /// The transport checksum is partial.
    static let partialChecksumFlag: UInt8 = 1
    /// Super-packets with less payload in each segment are cut by the sender and refused by the receiver.
    static let minimumSegmentSize = 256
}

/// The header of a `tun@openssh.com` message: an address family as OpenBSD numbers it, on every system.
enum OpenSSHFrame {
    /// Where the family stands, 32 bits.
    static let family = 0
    /// Bytes of the header.
    static let headerLength = 4
    static let ipv4: UInt32 = 2
    static let ipv6: UInt32 = 24
}

extension ChannelFraming {
    /// Turns the packet in `buffer` into a frame: writes the header into the headroom.
    func frame(_ buffer: inout PacketBuffer) {
        let length = UInt16(buffer.length)
        let offload = buffer.offload
        buffer.growFront(by: headerLength)
        var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer.bytes)
        switch self {
        case .psiphon:
            bytes.store(length, at: PsiphonFrame.length)
        case .openSSH:
            let isIPv4 = bytes.byte(at: OpenSSHFrame.headerLength) >> 4 == 4
            bytes.store(isIPv4 ? OpenSSHFrame.ipv4 : OpenSSHFrame.ipv6, at: OpenSSHFrame.family)
        case .gso:
            bytes.store(length, at: GSOFrame.length)
            bytes.store(offload.checksumIsPartial ? GSOFrame.partialChecksumFlag : UInt8(0), at: GSOFrame.flags)
            bytes.store(UInt8(0), at: GSOFrame.reserved)
            bytes.store(offload.segmentSize, at: GSOFrame.segmentSize)
        }
    }
}
