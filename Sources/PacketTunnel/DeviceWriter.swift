internal import IPPacket

/// The way into a device: consecutive segments of one flow are written as one super-packet, by scatter-gather.
///
/// Owned by one loop. Packets are only borrowed: `flush` before their memory changes.
@safe struct DeviceWriter: ~Copyable {
    private let device: any PacketDevice
    private let supportsOffload: Bool
    private let supportsUDPOffload: Bool
    private let pool: PacketBufferPool
    private var parts = PacketParts()
    private var run: SegmentCoalescer?
    private var first = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var firstSummary: PacketSummary?
    private var dropped = DroppedTraffic()

    init(device: any PacketDevice, pool: PacketBufferPool) {
        self.device = device
        supportsOffload = device.supportsOffload
        supportsUDPOffload = device.supportsUDPOffload
        self.pool = pool
    }

    /// What the device did not take since the last call; nil if it took everything.
    mutating func takeDropped() -> DroppedTraffic? {
        guard !dropped.isEmpty else { return nil }
        defer { dropped = DroppedTraffic() }
        return dropped
    }

    /// Writes a packet, at the latest with the next `flush`.
    mutating func write(_ packet: UnsafeMutableRawBufferPointer, summary: PacketSummary, offload: PacketOffload) {
        guard summary.transport == .udp ? supportsUDPOffload : supportsOffload else {
            flush()
            unsafe writePlain(packet, summary: summary, offload: offload)
            return
        }
        guard !offload.isSuperPacket else {
            flush()
            unsafe writeNow(packet, summary: summary, offload: offload)
            return
        }
        let isPartial = offload.checksumIsPartial
        let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet))
        if run != nil {
            if run?.append(bytes, summary: summary, checksumIsPartial: isPartial) == true {
                let payload = unsafe UnsafeRawBufferPointer(rebasing: packet[summary.headerLength...])
                unsafe parts.append(payload)
                if run?.isClosed == true { flush() }
                return
            }
            flush()
        }
        guard let started = SegmentCoalescer(first: bytes, summary: summary, checksumIsPartial: isPartial) else {
            unsafe writeNow(packet, summary: summary, offload: offload)
            return
        }
        run = started
        unsafe first = packet
        firstSummary = summary
        unsafe parts.append(UnsafeRawBufferPointer(packet))
    }

    /// Writes what is held back.
    mutating func flush() {
        guard let held = run, var summary = firstSummary else { return }
        run = nil
        firstSummary = nil
        var bytes = unsafe MutableRawSpan(_unsafeBytes: first)
        let offload = held.finish(&bytes, summary: &summary)
        writeParts(summary: summary, offload: offload)
    }

    private mutating func writeParts(summary: PacketSummary, offload: PacketOffload) {
        if !device.write(parts, summary: summary, offload: offload) {
            dropped.add(summary, offload)
        }
        parts.removeAll()
    }

    private mutating func writeNow(
        _ packet: UnsafeMutableRawBufferPointer,
        summary: PacketSummary,
        offload: PacketOffload
    ) {
        unsafe parts.append(UnsafeRawBufferPointer(packet))
        writeParts(summary: summary, offload: offload)
    }

    /// For devices that take only single packets with finished checksums.
    private mutating func writePlain(
        _ packet: UnsafeMutableRawBufferPointer,
        summary: PacketSummary,
        offload: PacketOffload
    ) {
        guard offload.isSuperPacket else {
            if offload.checksumIsPartial {
                var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
                AddressRewriter.completeChecksum(of: &bytes, summary: summary)
            }
            return unsafe writeNow(packet, summary: summary, offload: .none)
        }
        let segmenter = PacketSegmenter(summary: summary, segmentSize: Int(offload.segmentSize))
        let source = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet))
        var segment = pool.takeLarge()
        for index in 0..<segmenter.segmentCount {
            segment.length = segmenter.length(ofSegment: index)
            var bytes = unsafe MutableRawSpan(_unsafeBytes: segment.bytes)
            _ = segmenter.writeSegment(index, of: source, into: &bytes)
            var segmentSummary = summary
            segmentSummary.packetLength = segment.length
            unsafe writeNow(segment.bytes, summary: segmentSummary, offload: .none)
        }
        pool.release(segment)
    }
}
