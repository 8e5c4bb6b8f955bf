extension PacketOffload {
    /// Checks what a frame's header claims about the packet in it, before either reaches a device.
    ///
    /// The kernel checks much of this again (`virtio_net_hdr_to_skb`), but answers with a failed write at best.
    ///
    /// - Parameters:
    ///   - summary: The facts about the packet, from `PacketSummary.init(validating:)`.
    ///   - mtu: Bytes of the largest packet that is not a super-packet.
    ///   - minimumSegmentSize: Bytes; tiny segments multiply the receiver's work, so frames may not ask for them.
    /// - Throws: `.invalidFrame`.
    @inlinable public func validate(
        summary: PacketSummary,
        mtu: Int,
        minimumSegmentSize: Int = 256
    ) throws(RejectReason) {
        let isSegmentable =
            (summary.transport == .tcp || summary.transport == .udp) && summary.fragment == .whole
        guard isSegmentable || !checksumIsPartial else { throw .invalidFrame }
        guard isSuperPacket else {
            guard summary.packetLength <= mtu else { throw .invalidFrame }
            return
        }
        let size = Int(segmentSize)
        guard isSegmentable, size >= minimumSegmentSize, size <= mtu - summary.headerLength,
            summary.payloadLength > size
        else { throw .invalidFrame }
        // Flags that would be repeated in each segment; the kernel never builds such a packet.
        guard summary.tcpFlags & (TCPFlags.syn | TCPFlags.rst | TCPFlags.urg) == 0 else { throw .invalidFrame }
    }
}
