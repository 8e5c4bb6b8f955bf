internal import IPPacket

/// What is known of one flow.
struct Flow {
    /// Nanoseconds on the loop's clock of its last packet.
    var lastActive: UInt64
    /// The client asked the transparent resolver, so the answers have to come from there.
    var usesTransparentDNS = false
    /// Application bytes towards the internet since the updaters were told.
    var upstreamBytes = 0
    /// Application bytes towards the client since the updaters were told.
    var downstreamBytes = 0
    /// When the updaters were told last.
    var lastUpdate: UInt64
    /// Who wants to know of the flow's progress. Empty for nearly all.
    var updaters: [any FlowActivityUpdater] = []
    /// Judges the names asked for over TCP. Nil for nearly all.
    var dnsStream: DNSStream?
    /// What was asked in it, where that is measured.
    var dnsQueries = DNSQueries()
    fileprivate var key: FlowKey?
    fileprivate var older: Int32 = -1
    fileprivate var newer: Int32 = -1

    init(now: UInt64) {
        lastActive = now
        lastUpdate = now
    }

    mutating func report(now: UInt64) {
        for updater in updaters {
            updater.updateProgress(
                downstreamBytes: downstreamBytes,
                upstreamBytes: upstreamBytes,
                nanoseconds: now &- lastUpdate
            )
        }
        upstreamBytes = 0
        downstreamBytes = 0
        lastUpdate = now
    }
}

/// The flows of one client, in the order of their last packets. Owned by the client's loop.
///
/// A packet of a known flow costs one look-up and no allocation.
struct FlowTable: ~Copyable {
    /// A flow without packets for so long is over.
    static let idleExpiry: UInt64 = 60_000_000_000

    /// Hears of the queries that a flow ends without an answer to.
    var reportDNSQuality: DNSQualityReporter?

    private let limit: Int
    private let forgetsActive: Bool
    private var slots: [Flow] = []
    private var numbers: [FlowKey: Int32] = [:]
    private var free: [Int32] = []
    private var oldest: Int32 = -1
    private var newest: Int32 = -1

    /// - Parameter forgetsActive: whether the oldest flow makes room for a new one even if it is not idle.
    init(limit: Int, forgetsActive: Bool = false) {
        self.limit = limit
        self.forgetsActive = forgetsActive
    }

    /// Flows known now, idle ones among them.
    var count: Int { numbers.count }

    /// The slot of a flow that is known and not idle for too long; marks it as active.
    mutating func find(_ key: FlowKey, now: UInt64) -> Int? {
        // The packets of one flow come in trains.
        if newest >= 0, slots[Int(newest)].key == key, now &- slots[Int(newest)].lastActive <= Self.idleExpiry {
            slots[Int(newest)].lastActive = now
            return Int(newest)
        }
        guard let number = numbers[key] else { return nil }
        if now &- slots[Int(number)].lastActive > Self.idleExpiry {
            remove(number, now: now)
            return nil
        }
        slots[Int(number)].lastActive = now
        if number != newest {
            unlink(number)
            link(number)
        }
        return Int(number)
    }

    /// Adds a flow. The oldest one makes room if it is idle.
    mutating func insert(_ key: FlowKey, _ flow: Flow, now: UInt64) throws(RejectReason) -> Int {
        if numbers.count >= limit {
            guard oldest >= 0, forgetsActive || now &- slots[Int(oldest)].lastActive > Self.idleExpiry else {
                throw .flowLimit
            }
            remove(oldest, now: now)
        }
        var flow = flow
        flow.key = key
        let number: Int32
        if let reused = free.popLast() {
            number = reused
            slots[Int(number)] = flow
        } else {
            number = Int32(slots.count)
            slots.append(flow)
        }
        numbers[key] = number
        link(number)
        return Int(number)
    }

    /// Reads or changes the flow in a slot.
    subscript(slot: Int) -> Flow {
        _read { yield slots[slot] }
        _modify { yield &slots[slot] }
    }

    /// Forgets the flows that are over.
    mutating func removeIdle(now: UInt64) {
        while oldest >= 0, now &- slots[Int(oldest)].lastActive > Self.idleExpiry { remove(oldest, now: now) }
    }

    /// Tells the updaters of every flow its last figures and forgets them all.
    mutating func removeAll(now: UInt64) {
        while oldest >= 0 { remove(oldest, now: now) }
        slots = []
        free = []
    }

    private mutating func remove(_ number: Int32, now: UInt64) {
        unlink(number)
        if let key = slots[Int(number)].key {
            numbers[key] = nil
            while let reportDNSQuality, let asked = slots[Int(number)].dnsQueries.removeAny() {
                reportDNSQuality(false, now &- asked, key.remote)
            }
        }
        if !slots[Int(number)].updaters.isEmpty { slots[Int(number)].report(now: now) }
        slots[Int(number)] = Flow(now: 0)
        free.append(number)
    }

    private mutating func link(_ number: Int32) {
        slots[Int(number)].older = newest
        slots[Int(number)].newer = -1
        if newest >= 0 { slots[Int(newest)].newer = number } else { oldest = number }
        newest = number
    }

    private mutating func unlink(_ number: Int32) {
        let older = slots[Int(number)].older
        let newer = slots[Int(number)].newer
        if older >= 0 { slots[Int(older)].newer = newer } else { oldest = newer }
        if newer >= 0 { slots[Int(newer)].older = older } else { newest = older }
    }
}
