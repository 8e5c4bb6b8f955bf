internal import IPPacket

/// Packets that were counted as carried and then dropped by a queue: what takes them out of the one count and into the other.
struct DroppedTraffic {
    /// Packets; a super-packet counts as the segments that it stands for.
    private(set) var packetCount = 0
    /// One slot for each family and protocol.
    private(set) var traffic: [6 of TrafficCount] = .init(repeating: TrafficCount())

    /// True if nothing was dropped.
    var isEmpty: Bool { packetCount == 0 }

    mutating func add(_ summary: PacketSummary, _ offload: PacketOffload) {
        packetCount += offload.packetCount(payloadLength: summary.payloadLength)
        traffic[PacketCounters.slot(summary.version, summary.transport)].add(summary, offload)
    }

    /// Adds a packet in whatever form a queue holds it.
    ///
    /// - Parameter isCounted: false for a packet that has not been counted as carried.
    mutating func add(_ packet: UnsafeMutableRawBufferPointer, _ offload: PacketOffload, isCounted: Bool) {
        let bytes = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet))
        let summary = (try? PacketSummary(validating: bytes)) ?? (try? PacketSummary(fragment: bytes))
        guard isCounted, let summary else {
            packetCount += 1
            return
        }
        add(summary, offload)
    }
}

extension PacketCounters {
    /// Counts packets as refused by a full queue that were counted as carried before.
    mutating func refuse(_ direction: PacketDirection, _ dropped: DroppedTraffic) {
        guard !dropped.isEmpty else { return }
        refuse(direction, .queueFull, count: dropped.packetCount)
        for slot in dropped.traffic.indices { take(direction, slot, dropped.traffic[slot]) }
    }
}
