internal import IPPacket

/// The flows of one client, in the order of their last packets. Owned by the client's loop.
///
/// A packet of a known flow costs one look-up and no allocation. When there are too many flows, the one that has been idle
/// for longest makes room; TCP connections that carry data both ways do so last. A flow that had to go is judged anew with its
/// next packet, so a flood costs its sender, and no other client's name look-up.
struct FlowTable: ~Copyable {
    /// A flow without packets for so long is over.
    static let idleExpiry: UInt64 = 60_000_000_000

    /// Hears of the queries that a flow ends without an answer to.
    var reportDNSQuality: DNSQualityReporter?
    private var evictedCount = 0

    private let limit: Int
    private var slots: [Slot] = []
    private var numbers: [FlowKey: Int32] = [:]
    private var free: [Int32] = []
    /// The slot of the last packet's flow: packets of one flow come in trains.
    private var latest: Int32 = -1
    private var others = FlowList()
    private var conversations = FlowList()

    /// - Parameter limit: flows that are known at a time.
    init(limit: Int) {
        self.limit = limit
    }

    /// Flows known now, idle ones among them.
    var count: Int { numbers.count }

    /// The number of flows since the last call that were not over when they had to make room.
    mutating func takeEvictedCount() -> Int {
        defer { evictedCount = 0 }
        return evictedCount
    }

    /// The slot of a flow that is known and not idle for too long; marks it as active.
    mutating func find(_ key: FlowKey, now: UInt64) -> Int? {
        if latest >= 0, slots[Int(latest)].key == key, now &- slots[Int(latest)].flow.lastActive <= Self.idleExpiry {
            slots[Int(latest)].flow.lastActive = now
            return Int(latest)
        }
        guard let number = numbers[key] else { return nil }
        if now &- slots[Int(number)].flow.lastActive > Self.idleExpiry {
            remove(number, now: now)
            return nil
        }
        slots[Int(number)].flow.lastActive = now
        if number != newest(like: number) { relink(number) }
        latest = number
        return Int(number)
    }

    /// Adds a flow. Where there are too many, one makes room.
    mutating func insert(_ key: FlowKey, _ flow: Flow, now: UInt64) -> Int {
        if numbers.count >= limit { makeRoom(now: now) }
        let slot = Slot(flow: flow, key: key)
        let number: Int32
        if let reused = free.popLast() {
            number = reused
            slots[Int(number)] = slot
        } else {
            number = Int32(slots.count)
            slots.append(slot)
        }
        numbers[key] = number
        link(number)
        latest = number
        return Int(number)
    }

    /// Reads or changes the flow in a slot.
    subscript(slot: Int) -> Flow {
        _read { yield slots[slot].flow }
        _modify { yield &slots[slot].flow }
    }

    /// Notes a segment of a TCP connection.
    ///
    /// - Returns: true if it was the connection's last one.
    mutating func note(_ summary: PacketSummary, _ direction: PacketDirection, slot: Int) -> Bool {
        let before = slots[slot].flow.progress
        let after = before.after(summary, direction)
        guard after != before else { return false }
        slots[slot].flow.progress = after
        if after.isConversation != slots[slot].isConversation { relink(Int32(slot)) }
        return after.isOver && !before.isOver
    }

    /// Forgets the flows that are over.
    mutating func removeIdle(now: UInt64) {
        for oldest in [others.oldest, conversations.oldest] {
            var next = oldest
            while next >= 0, now &- slots[Int(next)].flow.lastActive > Self.idleExpiry {
                let newer = slots[Int(next)].newer
                remove(next, now: now)
                next = newer
            }
        }
    }

    /// Tells the updaters of the flows that had packets since `time` what they have not been told.
    mutating func reportActive(since time: UInt64) {
        for newest in [others.newest, conversations.newest] {
            var next = newest
            while next >= 0, slots[Int(next)].flow.lastActive >= time {
                if !slots[Int(next)].flow.updaters.isEmpty { slots[Int(next)].flow.report() }
                next = slots[Int(next)].older
            }
        }
    }

    /// Forgets the flows that `isForbidden` says, because a rule has changed.
    mutating func remove(now: UInt64, where isForbidden: (FlowKey, Flow) -> Bool) {
        for (key, number) in numbers where isForbidden(key, slots[Int(number)].flow) { remove(number, now: now) }
    }

    /// Tells the updaters of every flow its last figures and forgets them all.
    mutating func removeAll(now: UInt64) {
        while others.oldest >= 0 { remove(others.oldest, now: now) }
        while conversations.oldest >= 0 { remove(conversations.oldest, now: now) }
        slots = []
        free = []
    }

    private mutating func makeRoom(now: UInt64) {
        let victim = others.oldest >= 0 ? others.oldest : conversations.oldest
        // A conversation that is idle for too long is over; only then does it go before the others.
        let idle = conversations.oldest
        let isOver = idle >= 0 && now &- slots[Int(idle)].flow.lastActive > Self.idleExpiry
        let number = isOver ? idle : victim
        if now &- slots[Int(number)].flow.lastActive <= Self.idleExpiry { evictedCount += 1 }
        remove(number, now: now)
    }

    private mutating func remove(_ number: Int32, now: UInt64) {
        unlink(number)
        if latest == number { latest = -1 }
        numbers[slots[Int(number)].key] = nil
        while let reportDNSQuality, let query = slots[Int(number)].flow.dnsQueries.removeAny() {
            reportDNSQuality(false, now &- query.asked, query.resolver)
        }
        if !slots[Int(number)].flow.updaters.isEmpty { slots[Int(number)].flow.report() }
        slots[Int(number)].flow = Flow(now: 0)
        free.append(number)
    }
}

/// The two lists, linked through the slots, so that nothing is allocated for them.
extension FlowTable {
    private struct Slot {
        var flow: Flow
        var key: FlowKey
        var isConversation = false
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    private struct FlowList {
        var oldest: Int32 = -1
        var newest: Int32 = -1

        mutating func append(_ number: Int32, in slots: inout [Slot]) {
            slots[Int(number)].older = newest
            slots[Int(number)].newer = -1
            if newest >= 0 { slots[Int(newest)].newer = number } else { oldest = number }
            newest = number
        }

        mutating func remove(_ number: Int32, in slots: inout [Slot]) {
            let (older, newer) = (slots[Int(number)].older, slots[Int(number)].newer)
            if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
            if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
        }
    }

    private func newest(like number: Int32) -> Int32 {
        slots[Int(number)].isConversation ? conversations.newest : others.newest
    }

    /// Makes a flow the newest of the list that it belongs to now.
    private mutating func relink(_ number: Int32) {
        unlink(number)
        link(number)
    }

    private mutating func link(_ number: Int32) {
        let isConversation = slots[Int(number)].flow.progress.isConversation
        slots[Int(number)].isConversation = isConversation
        if isConversation { conversations.append(number, in: &slots) } else { others.append(number, in: &slots) }
    }

    private mutating func unlink(_ number: Int32) {
        if slots[Int(number)].isConversation {
            conversations.remove(number, in: &slots)
        } else {
            others.remove(number, in: &slots)
        }
    }
}
