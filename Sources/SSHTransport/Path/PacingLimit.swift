/// How fast BBR may send on a long path, so that the queue before the bottleneck stays short. A plain value.
///
/// BBR takes the fastest of its last round trips for the path's rate, which is more than the path carries, and the queue grows to a
/// whole round trip; who shares the path waits in it, our own sparse flows first. So while a queue stands this end sends a little less
/// than what arrives, until it is gone. A queue that does not go is somebody else's: then there is no limit for a while, or the
/// others would get all.
struct PacingLimit {
    /// What is sent while a queue drains, in percent of what arrives.
    private static let drainPercent: UInt64 = 92
    /// Looks in which a queue of our own drains: each is four round trips, and a queue seldom longer than one.
    private static let patience = 4
    /// Looks without a limit after a queue that did not drain.
    private static let truce = 32
    /// Round trips that BBR gets to find the rate of a path that is full already.
    private static let settlingRoundTrips: UInt64 = 5

    private typealias Look = (time: UInt64, acknowledged: UInt64, isBacklogged: Bool)

    /// Bytes per second; nil for no limit.
    private(set) var rate: UInt64?
    /// When BBR has found its rate; nil once it has.
    private var settled: UInt64?
    private var last: Look?
    private var arrivals: [UInt64] = []
    /// Bytes per second that arrived between two looks, at most, while the path was filling.
    private var fastestArrival: UInt64 = 0
    private var drainingLooks = 0
    private var looksOfTruce = 0

    /// True while BBR finds its rate.
    var isSettling: Bool { settled != nil }

    /// Takes figures of a path that is filling. What has queued before the bottleneck arrives at its rate, if only for a moment.
    mutating func observeStart(_ figures: PathFigures, now: UInt64) {
        if let last, now > last.time {
            fastestArrival = max(fastestArrival, Self.arrivalRate(figures, since: last, now: now))
        }
        last = (now, figures.acknowledged, false)
    }

    /// BBR begins now. It begins by sending three times the rate it finds; where the path is full already that overflows the queue,
    /// so it finds the rate with the fastest that arrived, or with a quarter more where no queue stands yet.
    mutating func begin(_ figures: PathFigures, isQueueing: Bool, now: UInt64) {
        observeStart(figures, now: now)
        let arrivalRate = max(figures.arrivalRate, fastestArrival)
        self = PacingLimit()
        guard isQueueing || figures.sentAgain == 0 else { return }
        let found = max(arrivalRate, figures.windowRate)
        guard found > 0 else { return }
        rate = isQueueing && arrivalRate > 0 ? arrivalRate : found + found / 4
        settled = now + Self.settlingRoundTrips * figures.usualRoundTrip
    }

    /// Takes the latest figures, four round trips after those before.
    mutating func next(_ figures: PathFigures, now: UInt64) {
        if let settled {
            guard now >= settled else { return }
            self.settled = nil
            rate = nil
        }
        let isBacklogged = figures.unsent > 0
        defer { last = (now, figures.acknowledged, isBacklogged) }
        // What somebody sends now and then says nothing of the path's rate.
        guard let last, isBacklogged, last.isBacklogged, now > last.time else { return forget() }
        arrivals.append(Self.arrivalRate(figures, since: last, now: now))
        if arrivals.count > 3 { arrivals.removeFirst() }
        rate = nil
        guard looksOfTruce == 0 else { return looksOfTruce -= 1 }
        guard figures.queueing > 3_000_000 + figures.roundTrip / 8 else { return drainingLooks = 0 }
        drainingLooks += 1
        guard drainingLooks <= Self.patience else {
            drainingLooks = 0
            looksOfTruce = Self.truce
            return
        }
        rate = (arrivals.max() ?? 0) * Self.drainPercent / 100
    }

    private static func arrivalRate(_ figures: PathFigures, since last: Look, now: UInt64) -> UInt64 {
        (figures.acknowledged - last.acknowledged) * 1_000_000_000 / (now - last.time)
    }

    /// Ends the limit, and what it came from.
    mutating func forget() {
        rate = nil
        arrivals = []
        drainingLooks = 0
    }
}
