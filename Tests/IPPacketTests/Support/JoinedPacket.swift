import IPPacket

/// All segments of a super-packet, each as long as announced.
func segments(of packet: [UInt8], size: Int) throws -> [[UInt8]] {
    let segmenter = PacketSegmenter(summary: try validated(packet), segmentSize: size)
    return (0..<segmenter.segmentCount).map { index in
        var output = [UInt8](repeating: 0xee, count: segmenter.length(ofSegment: index))
        let written = edit(&output) { segmenter.writeSegment(index, of: packet.span.bytes, into: &$0) }
        precondition(written == output.count)
        return output
    }
}

/// What becomes of a row of packets: runs in order, each with its bytes gathered.
struct JoinedPacket: Equatable {
    var bytes: [UInt8]
    var offload: PacketOffload
    var segmentCount: Int
    var summary: PacketSummary
}

/// Coalesces as a device writer does: a packet that does not continue the run ends it and may start the next.
func coalesced(_ packets: [[UInt8]]) throws -> [JoinedPacket] {
    var joined: [JoinedPacket] = []
    var index = 0
    while index < packets.count {
        let first = packets[index]
        var summary = try validated(first)
        index += 1
        guard var run = SegmentCoalescer(first: first.span.bytes, summary: summary) else {
            joined.append(JoinedPacket(bytes: first, offload: .none, segmentCount: 1, summary: summary))
            continue
        }
        var bytes = first
        while !run.isClosed, index < packets.count {
            let next = packets[index]
            let nextSummary = try validated(next)
            guard run.append(next.span.bytes, summary: nextSummary) else { break }
            bytes += next[nextSummary.headerLength...]
            index += 1
        }
        precondition(run.byteCount == bytes.count)
        let offload = edit(&bytes) { run.finish(&$0, summary: &summary) }
        joined.append(
            JoinedPacket(bytes: bytes, offload: offload, segmentCount: run.segmentCount, summary: summary)
        )
    }
    return joined
}
