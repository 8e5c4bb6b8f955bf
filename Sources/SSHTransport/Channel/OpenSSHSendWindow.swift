/// How much of a tunnel OpenSSH is sent before it has granted it back.
///
/// OpenSSH passes one datagram a turn to its device. While more than 96 KiB are ungranted, three of its largest SSH packets,
/// it has a grant follow each datagram, and spends a quarter of its time on that; up to there it grants nothing
/// (`channel_check_window` of its `channels.c`). So it is sent just enough to make it grant once for many, and more only
/// where a path is so long that it would run dry.
///
/// OpenSSH also charges four bytes for each datagram beyond its data (`channel_input_data`). A peer that only
/// calls itself OpenSSH may charge nothing, or grant later; the window notices both.
///
/// Events change the state; questions do not.
struct OpenSSHSendWindow {
    /// Whether the peer charges four bytes more for each datagram.
    enum Surcharge {
        case presumed
        /// It has granted more than the data.
        case shown
        /// It had read everything, and has not granted what it was charged with.
        case refuted
    }

    /// Nanoseconds after which a peer that has read everything should have granted something.
    static let patience: UInt64 = 1_500_000_000
    /// Bytes that OpenSSH charges beyond the data of a datagram.
    static let surchargeByteCount: UInt64 = 4

    /// Nanoseconds of a round trip that the least limit covers.
    private static let nearRoundTrip: UInt64 = 1_000_000
    /// What OpenSSH passes on at best: 2 Gbit/s.
    private static let bytesPerMicrosecond = 250
    private static let greatestLimit = 1 << 30

    private struct Stall {
        /// The request whose answer shows that the peer has read everything.
        let request: UInt32
        var answeredAt: UInt64?
    }

    /// What is known about the peer's way to charge.
    private(set) var surcharge = Surcharge.presumed
    /// Bytes for a near peer: those after which OpenSSH grants, and a little more, as it grants nothing at that very number.
    private var leastLimit = 100 << 10
    private var roundTrip: UInt64 = 0
    private var sent: UInt64 = 0
    private var datagrams: UInt64 = 0
    private var granted: UInt64 = 0
    private var stall: Stall?

    // MARK: Questions

    /// True if more may be sent now.
    var isOpen: Bool { outstanding < limit }

    /// True if the window is closed, and nothing is under way yet that would open it.
    var needsRequest: Bool { !isOpen && stall == nil }

    /// Bytes sent, as the peer counts them, and not granted back.
    var outstanding: Int {
        let charged = sent + (surcharge == .refuted ? 0 : datagrams * Self.surchargeByteCount)
        return charged > granted ? Int(charged - granted) : 0
    }

    private var limit: Int {
        guard roundTrip > Self.nearRoundTrip else { return leastLimit }
        let more = Int((roundTrip - Self.nearRoundTrip) / 1_000) * Self.bytesPerMicrosecond
        return min(Self.greatestLimit, leastLimit + more)
    }

    // MARK: Events

    /// A datagram of so many bytes has left.
    mutating func didSend(_ byteCount: Int) {
        sent += UInt64(byteCount)
        datagrams += 1
    }

    /// The peer has granted so many bytes in all.
    mutating func didGrant(total: UInt64) {
        guard total != granted else { return }
        granted = total
        if surcharge == .presumed, granted > sent { surcharge = .shown }
        stall = nil
    }

    /// The shortest round trip is so many nanoseconds.
    mutating func didMeasure(roundTrip: UInt64) { self.roundTrip = roundTrip }

    /// A request has been sent whose answer shows that the peer has read all that went before, however slow its link is.
    mutating func didRequest(_ request: UInt32) {
        guard needsRequest else { return }
        stall = Stall(request: request)
    }

    /// As many requests have been answered so far.
    mutating func didAnswer(_ answers: UInt32, now: UInt64) {
        guard let stall, stall.answeredAt == nil, Int32(bitPattern: answers &- stall.request) >= 0 else { return }
        self.stall?.answeredAt = now
    }

    /// Time has passed. A peer that has read everything and grants nothing for `patience` is no OpenSSH: what it was charged
    /// with beyond the data is dropped if that is most of what it holds, and otherwise it is sent twice as much from then on.
    ///
    /// - Returns: true if the surcharge has just been refuted.
    mutating func timePassed(now: UInt64) -> Bool {
        guard let answeredAt = stall?.answeredAt, now >= answeredAt, now - answeredAt >= Self.patience else {
            return false
        }
        stall = nil
        if surcharge == .presumed, 2 * datagrams * Self.surchargeByteCount >= UInt64(outstanding) {
            surcharge = .refuted
            return true
        }
        leastLimit = min(2 * leastLimit, Self.greatestLimit)
        return false
    }
}
