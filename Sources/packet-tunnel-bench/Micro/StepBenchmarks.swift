internal import IPPacket
internal import PacketTunnelTestKit

/// Single steps, on packets that lie in memory.
enum StepBenchmarks {
    static func all() throws -> [MicroBenchmark] {
        try IPVersion.allCases.flatMap { version in
            [try rewrite(version), try segment(version), try coalesce(version)]
        }
    }

    /// The whole of what a packet's headers go through on their way: validation, a new source address, the MSS.
    private static func rewrite(_ version: IPVersion) throws -> MicroBenchmark {
        let (local, remote) = (SamplePackets.local(version), SamplePackets.remote(version))
        let packets = PacketMemory(SamplePackets.segments(from: local, to: remote))
        return MicroBenchmark(
            name: "validate and rewrite, \(version)",
            packets: packets.count,
            bytesPerPacket: packets.byteCount(at: 0)
        ) {
            for index in 0..<packets.count {
                var bytes = MutableRawSpan(_unsafeBytes: packets[index])
                guard var summary = try? PacketSummary(validating: bytes.bytes) else { continue }
                AddressRewriter.replaceSource(of: &bytes, summary: &summary, with: local, checksumIsPartial: false)
                MSSClamp.clamp(&bytes, summary: summary, mtu: 1_500, checksumIsPartial: false)
                consume(summary.packetLength)
            }
        }
    }

    private static func segment(_ version: IPVersion) throws -> MicroBenchmark {
        let packet = SamplePackets.superPacket(
            from: SamplePackets.local(version),
            to: SamplePackets.remote(version)
        ).bytes
        let memory = PacketMemory([packet])
        let size = SamplePackets.segmentSize(version)
        let summary = try PacketSummary(validating: packet.span.bytes)
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
        return MicroBenchmark(
            name: "cut a super-packet into segments, \(version)",
            packets: SamplePackets.segmentCount,
            bytesPerPacket: size + summary.headerLength
        ) {
            let segmenter = PacketSegmenter(summary: summary, segmentSize: size)
            let source = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory[0]))
            var space = MutableRawSpan(_unsafeBytes: output)
            for index in 0..<segmenter.segmentCount {
                consume(segmenter.writeSegment(index, of: source, into: &space))
            }
        }
    }

    private static func coalesce(_ version: IPVersion) throws -> MicroBenchmark {
        let segments = SamplePackets.segments(from: SamplePackets.local(version), to: SamplePackets.remote(version))
        let packets = PacketMemory(segments)
        let header = Array(segments[0].prefix(80))
        let summaries = try segments.map { try PacketSummary(validating: $0.span.bytes) }
        return MicroBenchmark(
            name: "join segments to a super-packet, \(version)",
            packets: packets.count,
            bytesPerPacket: packets.byteCount(at: 0)
        ) {
            // Joining has changed the first packet's headers.
            packets.restore(header, at: 0)
            var first = MutableRawSpan(_unsafeBytes: packets[0])
            var summary = summaries[0]
            guard var run = SegmentCoalescer(first: first.bytes, summary: summary) else { return }
            for index in 1..<packets.count {
                let next = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packets[index]))
                consume(run.append(next, summary: summaries[index]))
            }
            consume(run.finish(&first, summary: &summary))
        }
    }
}

/// Packets one behind the other, as a transport delivers them.
private final class PacketMemory {
    private let memory: UnsafeMutableRawBufferPointer
    private let ranges: [Range<Int>]

    init(_ packets: [[UInt8]]) {
        var start = 0
        ranges = packets.map { packet in
            defer { start += packet.count }
            return start..<(start + packet.count)
        }
        memory = .allocate(byteCount: start, alignment: 16)
        memory.copyBytes(from: packets.joined())
    }

    deinit { memory.deallocate() }

    var count: Int { ranges.count }

    func byteCount(at index: Int) -> Int { ranges[index].count }

    subscript(index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[ranges[index]])
    }

    func restore(_ bytes: [UInt8], at index: Int) {
        self[index].copyBytes(from: bytes)
    }
}
