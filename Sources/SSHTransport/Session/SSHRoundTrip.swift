/// The round trip to a peer, measured by requests that any peer answers in order (RFC 4254 §4).
struct SSHRoundTrip {
    /// Nanoseconds of the shortest answer so far; 0 before the first.
    private(set) var shortest: UInt64 = 0
    /// Requests sent so far. The answer with this number shows that the peer has read everything that went before.
    private(set) var requests: UInt32 = 0

    /// The request that is timed, and when it was sent.
    private var timed: (request: UInt32, time: UInt64)?

    /// A request leaves now.
    ///
    /// - Parameter isPrompt: nothing waits in front of it. Otherwise it is not timed: what it took would count our own queue.
    mutating func asked(now: UInt64, isPrompt: Bool) {
        requests &+= 1
        if timed == nil, isPrompt { timed = (requests, now) }
    }

    /// As many answers have come so far. An answer to an earlier request says nothing about the one that is timed.
    mutating func answered(_ answers: UInt32, now: UInt64) {
        guard let timed, Int32(bitPattern: answers &- timed.request) >= 0 else { return }
        self.timed = nil
        let trip = now > timed.time ? now - timed.time : 1
        shortest = shortest == 0 ? trip : min(shortest, trip)
    }
}
