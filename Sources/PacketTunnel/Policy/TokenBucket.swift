/// A limit on a rate: tokens arrive steadily, a burst of them may be saved up, and what finds none is refused.
struct TokenBucket {
    private let tokensPerSecond: Double
    private let capacity: Double
    private var tokens: Double
    private var filledAt: UInt64 = 0

    /// A full bucket.
    init(tokensPerSecond: Double, capacity: Double) {
        self.tokensPerSecond = tokensPerSecond
        self.capacity = capacity
        tokens = capacity
    }

    /// Takes `count` tokens at `now`, in nanoseconds; false if there are not enough.
    mutating func take(_ count: Int, now: UInt64) -> Bool {
        if filledAt != 0 {
            tokens = min(capacity, tokens + Double(now &- filledAt) * tokensPerSecond / 1_000_000_000)
        }
        filledAt = now
        guard tokens >= Double(count) else { return false }
        tokens -= Double(count)
        return true
    }
}
