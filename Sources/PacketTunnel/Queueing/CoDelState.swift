/// When to drop, for one flow: the state of RFC 8289 §5.
struct CoDelState {
    private var firstAboveTime: UInt64 = 0
    private var dropNext: UInt64 = 0
    private var count: UInt32 = 0
    private var lastCount: UInt32 = 0
    private var isDropping = false

    mutating func queueIsEmpty() {
        firstAboveTime = 0
        isDropping = false
    }

    /// Decides about the packet at the front, which waited for `sojourn` nanoseconds with `backlog` bytes behind it.
    ///
    /// - Parameter permittedBacklog: bytes of the largest packet; one may always wait (§5.1).
    mutating func shouldDrop(
        sojourn: UInt64,
        backlog: Int,
        permittedBacklog: Int,
        timing: CoDelTiming,
        now: UInt64
    ) -> Bool {
        let isTooLong = hasBeenAbove(sojourn: sojourn, isBacklogged: backlog > permittedBacklog, timing, now: now)
        if isDropping {
            guard isTooLong else {
                isDropping = false
                return false
            }
            guard now >= dropNext else { return false }
            count += 1
            dropNext = nextDrop(after: dropNext, timing)
            return true
        }
        guard isTooLong else { return false }
        isDropping = true
        // Coming back soon, go on at nearly the rate that worked (§5.4).
        let since = count &- lastCount
        count = since > 1 && now &- dropNext < 16 * timing.interval ? since : 1
        lastCount = count
        dropNext = nextDrop(after: now, timing)
        return true
    }

    private mutating func hasBeenAbove(
        sojourn: UInt64,
        isBacklogged: Bool,
        _ timing: CoDelTiming,
        now: UInt64
    ) -> Bool {
        guard sojourn >= timing.target, isBacklogged else {
            firstAboveTime = 0
            return false
        }
        guard firstAboveTime != 0 else {
            firstAboveTime = now + timing.interval
            return false
        }
        return now >= firstAboveTime
    }

    private func nextDrop(after time: UInt64, _ timing: CoDelTiming) -> UInt64 {
        time + UInt64(Double(timing.interval) / Double(count).squareRoot())
    }
}
