public import IPPacket

/// The way of a packet, seen from the client.
@frozen public enum PacketDirection: Int, CaseIterable, Sendable {
    /// From the client to the internet.
    case upstream = 0
    /// From the internet to the client.
    case downstream = 1
}

/// What was carried of one kind of packet in one direction.
@frozen public struct TrafficCount: Equatable, Sendable {
    /// Packets; a super-packet counts as the segments that it stands for.
    public var packets: Int64 = 0
    /// Bytes of them, IP headers included.
    public var bytes: Int64 = 0
    /// Bytes of their payloads, without IP and transport headers.
    public var applicationBytes: Int64 = 0
}

/// Everything that is counted for a session. Owned by one loop at a time.
public struct PacketCounters: Sendable {
    /// One slot for each direction, family and protocol.
    private var carried: [12 of TrafficCount] = .init(repeating: TrafficCount())
    /// One slot for each direction and reason.
    private var refused: [48 of Int64] = .init(repeating: 0)
    /// Flows that had to make room for others before they were over.
    public private(set) var evictedFlows: Int64 = 0

    /// All zero.
    public init() {
        assert(refused.count == 2 * RejectReason.allCases.count, "one slot for each direction and reason")
    }

    /// What was carried of one kind.
    public func carried(
        _ direction: PacketDirection,
        _ version: IPVersion,
        _ transport: TransportProtocol
    ) -> TrafficCount {
        carried[Self.slot(direction, version, transport)]
    }

    /// Packets that were refused for one reason in one direction.
    public func refused(_ direction: PacketDirection, _ reason: RejectReason) -> Int64 {
        refused[Self.slot(direction, reason)]
    }

    /// Application bytes of one protocol in one direction, over both families.
    public func applicationBytes(_ direction: PacketDirection, _ transport: TransportProtocol) -> Int64 {
        IPVersion.allCases.reduce(0) { $0 + carried(direction, $1, transport).applicationBytes }
    }

    mutating func count(_ direction: PacketDirection, _ summary: PacketSummary, _ offload: PacketOffload) {
        carried[Self.slot(direction, summary.version, summary.transport)].add(summary, offload)
    }

    /// Takes back what `count` has counted.
    mutating func uncount(_ direction: PacketDirection, _ summary: PacketSummary, _ offload: PacketOffload) {
        var traffic = TrafficCount()
        traffic.add(summary, offload)
        take(direction, Self.slot(summary.version, summary.transport), traffic)
    }

    /// Takes back what was counted and is not carried after all.
    mutating func take(_ direction: PacketDirection, _ slot: Int, _ traffic: TrafficCount) {
        carried[direction.rawValue * 6 + slot].subtract(traffic)
    }

    /// Adds what was counted elsewhere.
    mutating func add(_ other: PacketCounters) {
        for slot in carried.indices { carried[slot].add(other.carried[slot]) }
        for slot in refused.indices { refused[slot] &+= other.refused[slot] }
        evictedFlows &+= other.evictedFlows
    }

    /// What was counted since the counters were `base`.
    func since(_ base: PacketCounters) -> PacketCounters {
        var difference = self
        for slot in carried.indices { difference.carried[slot].subtract(base.carried[slot]) }
        for slot in refused.indices { difference.refused[slot] &-= base.refused[slot] }
        difference.evictedFlows &-= base.evictedFlows
        return difference
    }

    mutating func evictFlows(_ count: Int) {
        evictedFlows &+= Int64(count)
    }

    mutating func refuse(_ direction: PacketDirection, _ reason: RejectReason, count: Int = 1) {
        refused[Self.slot(direction, reason)] &+= Int64(count)
    }

    private static func slot(_ direction: PacketDirection, _ reason: RejectReason) -> Int {
        Int(reason.rawValue) * 2 + direction.rawValue
    }

    private static func slot(
        _ direction: PacketDirection,
        _ version: IPVersion,
        _ transport: TransportProtocol
    ) -> Int {
        direction.rawValue * 6 + slot(version, transport)
    }

    /// The slot of a kind in either direction.
    static func slot(_ version: IPVersion, _ transport: TransportProtocol) -> Int {
        let protocolSlot =
            switch transport {
            case .tcp: 0
            case .udp: 1
            case .icmp, .icmpv6: 2
            }
        return (version == .v4 ? 0 : 3) + protocolSlot
    }
}

extension TrafficCount {
    mutating func add(_ summary: PacketSummary, _ offload: PacketOffload) {
        let payload = summary.payloadLength
        let segments = offload.packetCount(payloadLength: payload)
        packets &+= Int64(segments)
        bytes &+= Int64(summary.packetLength + (segments - 1) * summary.headerLength)
        applicationBytes &+= Int64(payload)
    }

    mutating func add(_ other: TrafficCount) {
        packets &+= other.packets
        bytes &+= other.bytes
        applicationBytes &+= other.applicationBytes
    }

    mutating func subtract(_ other: TrafficCount) {
        packets &-= other.packets
        bytes &-= other.bytes
        applicationBytes &-= other.applicationBytes
    }
}

extension PacketCounters: Equatable {
    /// True if every count is the same.
    public static func == (left: PacketCounters, right: PacketCounters) -> Bool {
        left.carried.indices.allSatisfy { left.carried[$0] == right.carried[$0] }
            && left.refused.indices.allSatisfy { left.refused[$0] == right.refused[$0] }
            && left.evictedFlows == right.evictedFlows
    }
}

extension PacketOffload {
    /// How many packets one of so much payload stands for.
    func packetCount(payloadLength: Int) -> Int {
        isSuperPacket ? max(1, (payloadLength + Int(segmentSize) - 1) / Int(segmentSize)) : 1
    }
}
