/// How long packets may wait, by the round trip of the path they are going to take. A plain value.
///
/// The interval is as long as a sender needs to hear of a drop and to slow down, and the target the delay that stands in the
/// meantime (RFC 8289 §4.3 and §4.4). A long path needs more of both: a queue that is kept shorter than a sender's answer takes
/// runs empty, and the path with it.
struct CoDelTiming: Equatable {
    /// Nanoseconds that packets may wait for longer than an interval: 5 ms, and on a long path a quarter of its round trip.
    let target: UInt64
    /// Nanoseconds: 100 ms, and on a long path three of its round trips: in one a sender hears of a drop, in the next it slows down.
    let interval: UInt64

    /// - Parameter roundTrip: nanoseconds; 0 where it is not known.
    init(roundTrip: UInt64 = 0) {
        // A peer has no say in it: what it makes of the round trip stays below a second.
        let roundTrip = min(roundTrip, 1_000_000_000)
        target = max(5_000_000, roundTrip / 4)
        interval = max(100_000_000, 3 * roundTrip)
    }
}
