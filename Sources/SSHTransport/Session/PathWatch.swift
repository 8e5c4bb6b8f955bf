internal import CLibSSH
internal import EventLoops
internal import Glibc
internal import OpenSSHSyntax
internal import PacketTunnel

/// Watches the path of one TCP connection, and fits the connection to it: the congestion control of what this end sends, and
/// how much of it waits in the kernel.
///
/// BBR takes a lost packet for a lost packet and not for a full queue: over 20 ms with one packet in a hundred lost it carries
/// more than ten times what cubic does. On a near path cubic carries twice what BBR does. What has been given to the kernel can
/// be neither dropped nor overtaken, so that is no more than the path takes in a few milliseconds; the flow queue has the rest.
///
/// Belongs to its session, on the loop's thread. It needs no timer: a connection that sends nothing has nothing to adjust.
struct PathWatch {
    /// Nanoseconds between two looks at the kernel's figures; while a long path fills it is a matter of a few round trips.
    static let period: UInt64 = 1_000_000_000
    static let startPeriod: UInt64 = 20_000_000
    /// Round trips that BBR gets to find the rate of a path that is full already.
    private static let settlingRoundTrips: UInt64 = 5

    /// What has come of a look.
    struct Change {
        /// The path, with what is in force now.
        let path: TransportPath
        /// What would suit it and the kernel does not give, and its error number.
        let refusal: (name: String, code: Int32)?
    }

    private let descriptor: Int32
    private let choice: CongestionControl
    private let greatestUnsent: Int
    private var selection: CongestionSelection
    private var nextLook: UInt64 = 0
    private var unsent: Int
    /// When what limits the rate after a change ends; nil without a limit.
    private var settled: UInt64?
    /// As it was seen last; nil for what is no TCP connection.
    private(set) var path: TransportPath?

    /// - Parameters:
    ///   - descriptor: the session's socket. What is no TCP connection is left alone.
    ///   - greatestUnsent: bytes that may wait in the kernel unsent on the fastest path (`TCP_NOTSENT_LOWAT`, tcp(7)).
    init(_ descriptor: Int32, _ choice: CongestionControl, greatestUnsent: Int32) {
        self.descriptor = descriptor
        self.choice = choice
        self.greatestUnsent = Int(greatestUnsent)
        unsent = Int(greatestUnsent)
        let system = Self.congestionControl(of: descriptor)
        selection = CongestionSelection(choice, system: system ?? "")
        if system == nil { nextLook = .max }
    }

    /// Looks at the path if that is due.
    ///
    /// - Returns: nil if nothing is different, the figures apart.
    mutating func update(now: UInt64) -> Change? {
        guard now >= nextLook else { return nil }
        nextLook = now + Self.period
        var figures = libssh_shim_path()
        guard libssh_shim_measure_path(descriptor, &figures) == 0 else { return nil }
        let wanted = selection.next(
            CongestionSelection.Figures(
                roundTrip: UInt64(figures.round_trip_us) * 1_000,
                usualRoundTrip: UInt64(figures.smoothed_round_trip_us) * 1_000,
                sent: figures.bytes_sent,
                sentAgain: figures.bytes_sent_again,
                segmentsUnderWay: Int(figures.segments_under_way),
                isInSlowStart: figures.is_in_slow_start
            )
        )
        var refusal: (String, Int32)?
        if let wanted {
            if wanted.hasPrefix("bbr"), selection.isQueueing { settle(figures, now: now) }
            // What goes first on a long path is no loss where it is not given.
            if !Self.setCongestionControl(wanted, of: descriptor), !selection.isStarting { refusal = (wanted, errno) }
        }
        if let settled, now >= settled { setMaximumRate(nil) }
        if selection.isStarting || settled != nil { nextLook = now + Self.startPeriod }
        limitUnsent(figures)
        let before = path
        let path = TransportPath(
            congestionControl: Self.congestionControl(of: descriptor) ?? "",
            roundTripMicroseconds: Int(figures.round_trip_us),
            lossPermille: selection.lossPermille
        )
        self.path = path
        guard refusal != nil || path.congestionControl != before?.congestionControl else { return nil }
        return Change(path: path, refusal: refusal)
    }

    /// BBR begins by sending three times the rate it finds. Where the queue at the bottleneck stands already that is lost, so it
    /// finds the rate with a quarter more than what arrives.
    private mutating func settle(_ figures: libssh_shim_path, now: UInt64) {
        let rate = max(figures.bytes_per_second, figures.window_per_second)
        guard rate > 0 else { return }
        setMaximumRate(rate + rate / 4)
        settled = now + Self.settlingRoundTrips * UInt64(figures.smoothed_round_trip_us) * 1_000
    }

    /// - Parameter rate: bytes per second (`SO_MAX_PACING_RATE`, socket(7)); nil for no limit.
    private mutating func setMaximumRate(_ rate: UInt64?) {
        var value = rate ?? .max
        setsockopt(descriptor, SOL_SOCKET, SO_MAX_PACING_RATE, &value, socklen_t(MemoryLayout<UInt64>.size))
        if rate == nil { settled = nil }
    }

    /// On a long path two milliseconds of what it takes, and never less than one full SSH packet and the next. On a near one its
    /// rate says little: it is measured beside idle times, and soon another.
    private mutating func limitUnsent(_ figures: libssh_shim_path) {
        guard figures.bytes_per_second > 0 else { return }
        let isLong = UInt64(figures.round_trip_us) * 1_000 >= CongestionSelection.longRoundTrip
        let wanted =
            isLong ? min(greatestUnsent, max(64 << 10, Int(clamping: figures.bytes_per_second / 500))) : greatestUnsent
        guard wanted != unsent else { return }
        unsent = wanted
        var value = Int32(wanted)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The name of what is in force; nil for what is no TCP connection.
    static func congestionControl(of descriptor: Int32) -> String? {
        var name = [CChar](repeating: 0, count: 16)
        var length = socklen_t(name.count)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &name, &length) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func setCongestionControl(_ name: String, of descriptor: Int32) -> Bool {
        name.withCString { name in
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, name, socklen_t(strlen(name))) == 0
        }
    }
}
