internal import HeapModule
internal import PacketTunnel
internal import Synchronization

/// Work that waits for its time.
final class Timer: ScheduledWork, Comparable {
    let deadline: UInt64
    private let order: UInt64
    private let work: Mutex<(@Sendable () -> Void)?>

    init(deadline: UInt64, order: UInt64, work: @escaping @Sendable () -> Void) {
        self.deadline = deadline
        self.order = order
        self.work = Mutex(work)
    }

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

    static func == (left: Timer, right: Timer) -> Bool { left === right }
    static func < (left: Timer, right: Timer) -> Bool { (left.deadline, left.order) < (right.deadline, right.order) }
}

/// The timers of one loop, soonest first. Cancelled ones stay until their time: they are few and small.
struct TimerQueue {
    private var heap = Heap<Timer>()

    var nextDeadline: UInt64? { heap.min?.deadline }

    mutating func insert(_ timer: Timer) {
        heap.insert(timer)
    }

    mutating func popExpired(now: UInt64) -> Timer? {
        guard let first = heap.min, first.deadline <= now else { return nil }
        return heap.popMin()
    }
}
