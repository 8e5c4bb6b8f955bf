public import PacketTunnel
internal import Synchronization

/// A loop that does nothing by itself: a test runs the work that was posted to it, and moves its clock.
///
/// Several of them in one test stand for several threads, in whatever order the test lets them run; the order is the
/// same each time. Work may be posted from any thread; the rest is for one thread at a time.
public final class ManualLoop: PacketLoop {
    private struct State {
        var posted: [@Sendable () -> Void] = []
        var nextPosted = 0
        var timers: [ManualTimer] = []
    }

    private let state = Mutex(State())
    private let time: Atomic<UInt64>
    /// How many calls of `perform` surround the work that runs now.
    private let depth = Atomic(0)
    private let yieldCalls = Atomic(0)

    /// A loop whose clock stands at `nanoseconds`.
    public init(startingAt nanoseconds: UInt64 = 1_000_000_000) {
        time = Atomic(nanoseconds)
    }

    // MARK: PacketLoop

    /// True within `perform`, and within work that this loop runs.
    public var isCurrent: Bool { depth.load(ordering: .relaxed) > 0 }

    /// Where the test has moved the clock to.
    public var now: UInt64 { time.load(ordering: .relaxed) }

    /// Is counted: there is nobody to give way to.
    public func yieldProcessor() { yieldCalls.wrappingAdd(1, ordering: .relaxed) }

    /// Keeps `work` until the test runs it.
    public func execute(_ work: @escaping @Sendable () -> Void) {
        state.withLock { $0.posted.append(work) }
    }

    /// Keeps `work` until the test moves the clock past its time.
    @discardableResult
    public func schedule(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) -> any ScheduledWork {
        let timer = ManualTimer(deadline: now + nanoseconds, work: work)
        state.withLock { $0.timers.append(timer) }
        return timer
    }

    // MARK: The test's side

    /// Calls of `yieldProcessor` so far.
    public var yieldCount: Int { yieldCalls.load(ordering: .relaxed) }

    /// Does what only the loop's own thread may do. Work posted meanwhile waits.
    @discardableResult
    public func perform<Value, Failure: Error>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        depth.wrappingAdd(1, ordering: .relaxed)
        defer { depth.wrappingSubtract(1, ordering: .relaxed) }
        return try body()
    }

    /// Runs the oldest piece of posted work; false if there is none.
    @discardableResult
    public func runOnce() -> Bool {
        guard let work = takePosted() else { return false }
        perform(work)
        return true
    }

    /// Runs posted work, and what that posts, until nothing is left.
    public func run() {
        while runOnce() {}
    }

    /// Pieces of posted work that wait.
    public var pendingCount: Int { state.withLock { $0.posted.count - $0.nextPosted } }

    /// Moves the clock, and runs posted work and each timer that falls due at the time when it does.
    public func advance(by duration: Duration) {
        let end = now + Self.nanoseconds(duration)
        run()
        while let timer = takeTimer(until: end) {
            time.store(max(now, timer.deadline), ordering: .relaxed)
            perform { timer.fire() }
            run()
        }
        time.store(end, ordering: .relaxed)
    }

    /// Runs loops over and over until `operation`, which waits for work on them, has returned.
    public static func drive<Value: Sendable>(
        _ loops: [ManualLoop],
        during operation: @escaping @Sendable () async -> Value
    ) async -> Value {
        let isDone = Flag()
        async let value = isDone.raised(after: operation)
        while !isDone.isRaised {
            for loop in loops { loop.run() }
            await Task.yield()
        }
        return await value
    }

    private func takePosted() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard state.nextPosted < state.posted.count else { return nil }
            let work = state.posted[state.nextPosted]
            state.nextPosted += 1
            if state.nextPosted == state.posted.count {
                state.posted.removeAll(keepingCapacity: true)
                state.nextPosted = 0
            }
            return work
        }
    }

    private func takeTimer(until end: UInt64) -> ManualTimer? {
        state.withLock { state in
            // The usual case, in which nothing is allocated.
            guard state.timers.contains(where: { $0.deadline <= end }) else { return nil }
            state.timers.removeAll { $0.isCancelled }
            let due = state.timers.indices.filter { state.timers[$0].deadline <= end }
            guard let first = due.min(by: { state.timers[$0].deadline < state.timers[$1].deadline }) else { return nil }
            return state.timers.remove(at: first)
        }
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        precondition(seconds >= 0 && attoseconds >= 0, "time does not run backwards")
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
    }
}

/// Tells one task that another is through.
private final class Flag: Sendable {
    private let state = Atomic(false)

    var isRaised: Bool { state.load(ordering: .acquiring) }

    func raised<Value: Sendable>(after operation: @Sendable () async -> Value) async -> Value {
        defer { state.store(true, ordering: .releasing) }
        return await operation()
    }
}

/// Work that waits for a `ManualLoop`'s clock.
private final class ManualTimer: ScheduledWork {
    let deadline: UInt64
    private let work: Mutex<(@Sendable () -> Void)?>

    init(deadline: UInt64, work: @escaping @Sendable () -> Void) {
        self.deadline = deadline
        self.work = Mutex(work)
    }

    var isCancelled: Bool { work.withLock { $0 == nil } }

    func cancel() {
        work.withLock { $0 = nil }
    }

    func fire() {
        let pending = work.withLock { work in
            defer { work = nil }
            return work
        }
        pending?()
    }
}
