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
    /// Round trips between two looks at a queue on a long path, and the least nanoseconds.
    private static let queueRoundTrips: UInt64 = 4
    private static let leastQueuePeriod: UInt64 = 50_000_000

    /// What has come of a look.
    struct Change {
        /// The path, with what is in force now.
        let path: TransportPath
        /// What would suit it and the kernel does not give.
        let refusal: Refusal?
    }

    /// What the kernel does not give.
    enum Refusal: Equatable {
        /// A congestion control, and the kernel's error number.
        case congestionControl(String, Int32)
        /// A send buffer beyond the system's limit.
        case sendBuffer
    }

    private let descriptor: Int32
    private let choice: CongestionControl
    private let greatestUnsent: Int
    private var selection: CongestionSelection
    private var nextLook: UInt64 = 0
    private var unsent: Int
    private var pacing = PacingLimit()
    private var stale = StaleRate()
    private var sendBuffer = SendBufferGrowth()
    private var isSendBufferDenied = false
    /// Bytes per second that the kernel has been told; nil for no limit.
    private var rate: UInt64?
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
        guard let figures = PathFigures(of: descriptor) else { return nil }
        let wanted = selection.next(figures)
        var refusal: Refusal?
        // What goes first on a long path is no loss where it is not given.
        if let wanted, !Self.setCongestionControl(wanted, of: descriptor), !selection.isStarting {
            refusal = .congestionControl(wanted, errno)
        }
        let inForce = Self.congestionControl(of: descriptor) ?? ""
        limitRate(figures, isBBR: inForce.hasPrefix("bbr"), isNew: wanted != nil, now: now)
        limitUnsent(figures)
        if !growSendBuffer(figures), refusal == nil { refusal = .sendBuffer }
        let before = path
        let path = TransportPath(
            congestionControl: inForce,
            roundTripMicroseconds: Int(figures.roundTrip / 1_000),
            lossPermille: selection.lossPermille,
            windowBytes: figures.window
        )
        self.path = path
        guard refusal != nil || path.congestionControl != before?.congestionControl else { return nil }
        return Change(path: path, refusal: refusal)
    }

    /// Has BBR leave no queue standing, and sets when it is looked at next.
    private mutating func limitRate(_ figures: PathFigures, isBBR: Bool, isNew: Bool, now: UInt64) {
        // Where the kernel does not give BBR, what is there finds its rate by itself.
        if selection.isPacing, isBBR {
            if isNew { pacing.begin(figures, isQueueing: selection.isQueueing, now: now) }
            pacing.next(figures, now: now)
            if stale.next(figures, isQueueing: selection.isQueueing) { startAgain() }
            nextLook =
                pacing.isSettling
                ? now + Self.startPeriod
                : min(nextLook, now + max(Self.leastQueuePeriod, Self.queueRoundTrips * figures.usualRoundTrip))
        } else {
            pacing.forget()
            if selection.isStarting {
                pacing.observeStart(figures, now: now)
                nextLook = now + Self.startPeriod
            }
        }
        guard pacing.rate != rate else { return }
        rate = pacing.rate
        // SO_MAX_PACING_RATE, socket(7).
        var value = rate ?? .max
        setsockopt(descriptor, SOL_SOCKET, SO_MAX_PACING_RATE, &value, socklen_t(MemoryLayout<UInt64>.size))
    }

    /// Has BBR find the path's rate anew. Any other congestion control makes it forget; reno is in every kernel, and for everybody.
    private func startAgain() {
        guard let name = Self.congestionControl(of: descriptor) else { return }
        if Self.setCongestionControl("reno", of: descriptor) { Self.setCongestionControl(name, of: descriptor) }
    }

    /// On a long path two milliseconds of what it takes, and never less than one full SSH packet and the next. On a near one its
    /// rate says little: it is measured beside idle times, and soon another.
    private mutating func limitUnsent(_ figures: PathFigures) {
        guard figures.arrivalRate > 0 else { return }
        let isLong = figures.roundTrip >= CongestionSelection.longRoundTrip
        let wanted =
            isLong ? min(greatestUnsent, max(64 << 10, Int(clamping: figures.arrivalRate / 500))) : greatestUnsent
        guard wanted != unsent else { return }
        unsent = wanted
        var value = Int32(wanted)
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// False, once, if the path holds more than the buffer and this process may not have a larger one.
    private mutating func growSendBuffer(_ figures: PathFigures) -> Bool {
        guard figures.roundTrip >= CongestionSelection.longRoundTrip, !isSendBufferDenied else { return true }
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &value, &length)
        guard let wanted = sendBuffer.next(current: Int(value), window: figures.window) else { return true }
        // socket(7): the kernel doubles what it is given, and for SO_SNDBUF, which needs no privilege, it would be less than before.
        value = Int32(wanted / 2)
        isSendBufferDenied = setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &value, length) != 0
        return !isSendBufferDenied
    }

    /// The name of what is in force; nil for what is no TCP connection.
    static func congestionControl(of descriptor: Int32) -> String? {
        var name = [CChar](repeating: 0, count: 16)
        var length = socklen_t(name.count)
        guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, &name, &length) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @discardableResult
    private static func setCongestionControl(_ name: String, of descriptor: Int32) -> Bool {
        name.withCString { name in
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_CONGESTION, name, socklen_t(strlen(name))) == 0
        }
    }
}
