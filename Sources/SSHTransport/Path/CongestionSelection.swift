internal import OpenSSHSyntax

/// Which congestion control suits a path, from what is measured of it again and again. A plain value.
struct CongestionSelection {
    /// Nanoseconds of a round trip from which on a path is long: cubic needs seconds to find its rate again after a loss there.
    static let longRoundTrip: UInt64 = 3_000_000
    /// Packets of a thousand from which on a path is lossy: what cubic takes for a full queue, and BBR does not.
    static let lossyPermille = 1.0
    /// Segments under way up to which a long round trip is the peer's delay: the first window (RFC 6928).
    static let firstWindow = 10
    /// Bytes after which a share of lost ones says something.
    static let sample: UInt64 = 256 << 10

    /// Packets of a thousand that were lost lately, by bytes sent again.
    private(set) var lossPermille = 0.0
    /// True while a long path has never been full, which is cubic's time: BBR spreads what it sends by the rate it has seen so
    /// far. A login leaves that small, and a TCP connection inside takes the delay for a full path (HyStart, RFC 9406).
    var isStarting: Bool { choice == .auto && isLong && !isLossy && !hasBeenFull }
    /// True if a queue stood before the bottleneck at the last look.
    private(set) var isQueueing = false

    private let choice: CongestionControl
    private let system: String
    /// What was said last; at first what the system has.
    private var said: String
    private var isLong = false
    private var isLossy = false
    private var hasBeenFull = false
    private var sampled: (sent: UInt64, sentAgain: UInt64) = (0, 0)

    /// - Parameter system: the name of what the system has chosen.
    init(_ choice: CongestionControl, system: String) {
        self.choice = choice
        self.system = system
        said = system
    }

    /// Takes the latest figures.
    ///
    /// - Returns: the name of what suits the path better than what was said last; nil for the same.
    mutating func next(_ figures: PathFigures) -> String? {
        if figures.roundTrip > 0 {
            // Half of the way back, so that a path at the border does not change to and fro.
            isLong = figures.roundTrip >= (isLong ? Self.longRoundTrip / 2 : Self.longRoundTrip)
        }
        isQueueing =
            figures.segmentsUnderWay > Self.firstWindow
            && figures.queueing > 2_000_000 + figures.roundTrip / 4
        if isQueueing || figures.sentAgain > 0 || !figures.isInSlowStart { hasBeenFull = true }
        if figures.sent - sampled.sent >= Self.sample {
            lossPermille =
                1_000 * Double(figures.sentAgain - sampled.sentAgain) / Double(figures.sent - sampled.sent)
            isLossy = lossPermille >= (isLossy ? Self.lossyPermille / 10 : Self.lossyPermille)
            sampled = (figures.sent, figures.sentAgain)
        }
        let wanted = wanted
        guard wanted != said else { return nil }
        said = wanted
        return wanted
    }

    private var wanted: String {
        switch choice {
        case .auto: suitable
        case .system: system
        case .named(let name): name
        }
    }

    /// Where the path is near and clean, what the system has, unless that is BBR, which halves the rate there.
    private var suitable: String {
        if isLossy || isLong && hasBeenFull { return isBBR(system) ? system : "bbr" }
        return isBBR(system) ? "cubic" : system
    }

    /// True if BBR has been chosen for a long path.
    var isPacing: Bool { choice == .auto && isLong && isBBR(said) }

    private func isBBR(_ name: String) -> Bool { name.hasPrefix("bbr") }
}
