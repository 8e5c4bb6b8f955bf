internal import IPPacket

/// Numbers in the header of a `tun-gso@packet-tunnel.internal` frame:
/// length u16, flags u8, reserved u8, segment size u16.
enum GSOFrame {
    /// The transport checksum is partial.
    static let partialChecksumFlag: UInt8 = 1
    /// Super-packets with less payload in each segment are cut by the sender and refused by the receiver.
    static let minimumSegmentSize = 256
}

/// Address families as OpenBSD numbers them, which is what `tun@openssh.com` carries on every system.
enum OpenSSHFrame {
    static let ipv4: UInt32 = 2
    static let ipv6: UInt32 = 24
}

extension ChannelFraming {
    /// Turns the packet in `buffer` into a frame: writes the header into the headroom.
    func frame(_ buffer: PacketBuffer) {
        let length = UInt16(buffer.length)
        let offload = buffer.offload
        buffer.growFront(by: headerLength)
        var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer.bytes)
        switch self {
        case .psiphon:
            bytes.store(length, at: 0)
        case .openSSH:
            let isIPv4 = bytes.byte(at: 4) >> 4 == 4
            bytes.store(isIPv4 ? OpenSSHFrame.ipv4 : OpenSSHFrame.ipv6, at: 0)
        case .gso:
            bytes.store(length, at: 0)
            bytes.store(offload.checksumIsPartial ? GSOFrame.partialChecksumFlag : UInt8(0), at: 2)
            bytes.store(UInt8(0), at: 3)
            bytes.store(offload.segmentSize, at: 4)
        }
    }
}
