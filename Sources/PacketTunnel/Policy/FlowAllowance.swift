internal import Synchronization

/// New flows that one or several clients may begin: a number at once, and so many a second afterwards. From any loop, without a
/// lock.
///
/// A flow that begins costs the kernel an entry in its table of connections, and a port of the server's address for its
/// translation; a table of flows that gives up the oldest for the newest bounds neither.
public final class FlowAllowance: Sendable {
    /// Nanoseconds that pay for a flow.
    private let price: UInt64
    /// Nanoseconds that may be owed.
    private let credit: UInt64
    /// When everything is paid for (the "theoretical arrival time" of ITU-T I.371, generic cell rate algorithm).
    private let paidAt = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - burst: flows at once, at least 1.
    ///   - flowsPerSecond: 1 to 1,000,000,000.
    public init(burst: Int, flowsPerSecond: Int) {
        precondition(burst > 0 && (1...1_000_000_000).contains(flowsPerSecond))
        price = 1_000_000_000 / UInt64(flowsPerSecond)
        credit = UInt64(burst) * price
    }

    /// Takes one flow at `now`, the time of a loop; false if there is none left.
    public func take(now: UInt64) -> Bool {
        var paid = paidAt.load(ordering: .relaxed)
        while true {
            let next = max(paid, now) + price
            guard next - now <= credit else { return false }
            let (isExchanged, other) = paidAt.weakCompareExchange(expected: paid, desired: next, ordering: .relaxed)
            if isExchanged { return true }
            paid = other
        }
    }

    /// True if all flows of a burst are there: forgetting it gives nobody more.
    public func isFull(now: UInt64) -> Bool { paidAt.load(ordering: .relaxed) <= now }
}
