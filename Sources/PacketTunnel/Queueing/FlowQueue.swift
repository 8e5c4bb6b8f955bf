internal import IPPacket

/// The packets that wait for one channel, kept apart by flow: FlowQueue-CoDel of RFC 8290.
///
/// Every flow gets its share in turn, and a flow that has just begun, or sends little, goes first: a name look-up, a
/// handshake, a keystroke pass a bulk transfer. Each flow's delay is held down by CoDel (RFC 8289), which marks where
/// the inner packet permits it and drops from the front elsewhere. Owned by one loop, and so is the pool behind it.
struct FlowQueue: ~Copyable {
    private static let bucketCount = 64

    /// How often its limit a queue may hold on a path with a large window.
    static let greatestGrowth = 4

    /// How long packets may wait on this path.
    var timing = CoDelTiming()

    private let pool: PacketBufferPool
    private let leastLimit: Int
    private var limit: Int
    private let quantum: Int
    private var buckets = FlowBuckets()
    private var newFlows = FlowBucketList()
    private var oldFlows = FlowBucketList()

    /// Bytes of the largest packet so far.
    private var largestPacket = 0
    /// Bytes of memory that the waiting packets hold.
    private(set) var footprint = 0
    /// What was dropped, whether for space or for delay, since the last `takeDropped`.
    private var dropped = DroppedTraffic()
    /// Packets marked instead of dropped (RFC 3168).
    private(set) var markCount = 0

    /// An empty queue.
    ///
    /// - Parameters:
    ///   - limit: bytes of packet memory it may hold, where `makeRoom` does not say more.
    ///   - quantum: bytes that a flow may send in one round.
    init(pool: PacketBufferPool, limitInBytes limit: Int, quantum: Int) {
        self.pool = pool
        leastLimit = limit
        self.limit = limit
        self.quantum = quantum
    }

    /// Lets packets of two windows of the path wait, which take up to twice their size, and no more than four times the limit. A sender
    /// that starts has twice as much arrive in a round trip as in the one before, and the path takes it a round trip later.
    mutating func makeRoom(forWindow bytes: Int) {
        let greatest = Self.greatestGrowth * leastLimit
        limit = max(leastLimit, min(greatest, 4 * min(bytes, greatest)))
    }

    /// Gives all memory back. Call before the queue goes away.
    ///
    /// - Parameter body: is handed each packet before, in the order in which they came.
    mutating func removeAll(_ body: (borrowing PacketBuffer) -> Void = { _ in }) {
        while let index = bucketOfFirst, let packet = buckets[index].pop() {
            body(packet)
            pool.release(packet)
        }
        buckets = FlowBuckets()
        newFlows = FlowBucketList()
        oldFlows = FlowBucketList()
        footprint = 0
    }

    /// The bucket of the packet that came first. Of two buckets that got theirs at the same time the lower one: so packets of
    /// one flow stay in order also where the clock stood still.
    private var bucketOfFirst: Int? {
        var first: (index: Int, time: UInt64)?
        for index in buckets.indices {
            guard let time = buckets[index].firstEnqueuedAt else { continue }
            if let first, first.time <= time { continue }
            first = (index, time)
        }
        return first?.index
    }

    /// True if nothing waits.
    var isEmpty: Bool { footprint == 0 }

    /// True if packets were dropped since the last `takeDropped`.
    var hasDropped: Bool { !dropped.isEmpty }

    /// What was dropped since the last call.
    mutating func takeDropped() -> DroppedTraffic {
        defer { dropped = DroppedTraffic() }
        return dropped
    }

    /// Notes a packet that was dropped after it had left the queue.
    mutating func noteDropped(_ packet: UnsafeMutableRawBufferPointer, like buffer: borrowing PacketBuffer) {
        unsafe dropped.add(packet, buffer.offload, isCounted: buffer.isCounted)
    }

    /// Takes a packet over. When the queue overflows, the fullest flow pays.
    mutating func enqueue(_ packet: consuming PacketBuffer, flowHash: UInt32, now: UInt64) {
        if buckets.isEmpty { buckets.allocate(count: Self.bucketCount) }
        let index = Int(flowHash) & (Self.bucketCount - 1)
        packet.enqueuedAt = now
        largestPacket = max(largestPacket, packet.length)
        footprint += packet.footprint
        buckets[index].push(packet)
        if !buckets[index].isListed {
            buckets[index].isListed = true
            buckets[index].deficit = quantum
            newFlows.append(index, in: &buckets)
        }
        while footprint > limit { dropFromFullest() }
    }

    /// The next packet to send, which is the caller's.
    mutating func dequeue(now: UInt64) -> PacketBuffer? {
        while true {
            let fromNew = newFlows.first != nil
            guard let index = newFlows.first ?? oldFlows.first else { return nil }
            if buckets[index].deficit <= 0 {
                buckets[index].deficit += quantum
                removeFirst(fromNew: fromNew)
                oldFlows.append(index, in: &buckets)
                continue
            }
            if let packet = dequeueWithCoDel(index, now: now) {
                buckets[index].deficit -= packet.length
                return packet
            }
            removeFirst(fromNew: fromNew)
            // A flow that empties while it is new passes through the old ones once, or it could stay new for ever
            // (RFC 8290 §4.2).
            if fromNew && oldFlows.first != nil {
                oldFlows.append(index, in: &buckets)
            } else {
                buckets[index].isListed = false
            }
        }
    }

    private mutating func removeFirst(fromNew: Bool) {
        if fromNew { newFlows.removeFirst(in: &buckets) } else { oldFlows.removeFirst(in: &buckets) }
    }

    private mutating func take(_ index: Int) -> PacketBuffer? {
        guard let packet = buckets[index].pop() else { return nil }
        footprint -= packet.footprint
        return packet
    }

    private mutating func drop(_ packet: consuming PacketBuffer) {
        unsafe dropped.add(packet.bytes, packet.offload, isCounted: packet.isCounted)
        pool.release(packet)
    }

    /// RFC 8289 §5: the control law, per flow.
    private mutating func dequeueWithCoDel(_ index: Int, now: UInt64) -> PacketBuffer? {
        guard var packet = take(index) else {
            buckets[index].codel.queueIsEmpty()
            return nil
        }
        while buckets[index].codel.shouldDrop(
            sojourn: now &- packet.enqueuedAt,
            backlog: buckets[index].byteCount,
            permittedBacklog: largestPacket,
            timing: timing,
            now: now
        ) {
            if unsafe CongestionMark.apply(to: packet.bytes) {
                markCount += 1
                return packet
            }
            drop(packet)
            guard let following = take(index) else {
                buckets[index].codel.queueIsEmpty()
                return nil
            }
            packet = following
        }
        return packet
    }

    /// Drops half of the fullest flow, at most 64 packets, from its front: a flood pays for its search (as Linux does).
    private mutating func dropFromFullest() {
        var fullest = 0
        for index in buckets.indices where buckets[index].byteCount > buckets[fullest].byteCount { fullest = index }
        let goal = buckets[fullest].byteCount / 2
        for _ in 0..<64 {
            guard buckets[fullest].byteCount > goal, let packet = take(fullest) else { break }
            drop(packet)
        }
    }
}
