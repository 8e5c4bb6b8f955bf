internal import IPPacket

/// What a packet becomes for somebody who knows nothing of offloads: the segments of a super-packet, with finished
/// checksums.
enum PlainPackets {
    /// Hands each plain packet that `packet` stands for to `body`. Changes the packet.
    ///
    /// - Throws: the rule that the packet breaks; only packets with something left to do are parsed.
    static func forEach(
        of packet: UnsafeMutableRawBufferPointer,
        offload: PacketOffload,
        _ body: ([UInt8]) -> Void
    ) throws(RejectReason) {
        guard offload != .none else { return unsafe body(Array(packet)) }
        var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
        let summary = try PacketSummary(validating: bytes.bytes)
        guard offload.isSuperPacket else {
            AddressRewriter.completeChecksum(of: &bytes, summary: summary)
            return unsafe body(Array(packet))
        }
        guard summary.transport == .tcp || summary.transport == .udp else { throw .invalidFrame }
        let segmenter = PacketSegmenter(summary: summary, segmentSize: Int(offload.segmentSize))
        for index in 0..<segmenter.segmentCount {
            var segment = [UInt8](repeating: 0, count: segmenter.length(ofSegment: index))
            var span = segment.mutableSpan
            var output = unsafe span.mutableBytes
            _ = segmenter.writeSegment(index, of: bytes.bytes, into: &output)
            body(segment)
        }
    }
}
