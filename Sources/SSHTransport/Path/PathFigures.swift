internal import CLibSSH

/// What the kernel has measured of a connection's path, from this end. A plain value.
struct PathFigures {
    /// Nanoseconds of the shortest round trip lately, and of the usual one; 0 before the first.
    var roundTrip: UInt64
    var usualRoundTrip: UInt64
    /// Bytes sent so far, those sent again among them, and these alone.
    var sent: UInt64 = 0
    var sentAgain: UInt64 = 0
    /// Bytes that have arrived so far.
    var acknowledged: UInt64 = 0
    /// Bytes that have not left yet.
    var unsent = 0
    /// Bytes per second at which they arrived lately, and at which the window would let them leave.
    var arrivalRate: UInt64 = 0
    var windowRate: UInt64 = 0
    /// Segments that have left and are not acknowledged.
    var segmentsUnderWay = 0
    /// True while the window grows by all that arrives.
    var isInSlowStart = true
    /// Bytes per second that BBR has found, and true while it sends far more to find them; 0 and false without BBR.
    var rateOfBBR: UInt64 = 0
    var isBBRStarting = false

    /// Bytes that the congestion window lets be under way.
    var window: Int { Int(clamping: windowRate / 1_000 * (usualRoundTrip / 1_000) / 1_000) }

    /// Nanoseconds that bytes wait in queues on their way.
    var queueing: UInt64 { usualRoundTrip > roundTrip ? usualRoundTrip - roundTrip : 0 }
}

extension PathFigures {
    /// Asks the kernel; nil for what is no TCP connection.
    init?(of descriptor: Int32) {
        var path = libssh_shim_path()
        guard libssh_shim_measure_path(descriptor, &path) == 0 else { return nil }
        roundTrip = UInt64(path.round_trip_us) * 1_000
        usualRoundTrip = UInt64(path.smoothed_round_trip_us) * 1_000
        sent = path.bytes_sent
        sentAgain = path.bytes_sent_again
        acknowledged = path.bytes_acknowledged
        unsent = Int(path.bytes_unsent)
        arrivalRate = path.bytes_per_second
        windowRate = path.window_per_second
        segmentsUnderWay = Int(path.segments_under_way)
        isInSlowStart = path.is_in_slow_start
        rateOfBBR = path.bbr_bytes_per_second
        isBBRStarting = path.is_bbr_starting
    }
}
