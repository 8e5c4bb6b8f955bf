import PacketTunnel
import Testing

@Suite("An allowance of new flows")
struct FlowAllowanceTests {
    private static let second: UInt64 = 1_000_000_000

    private func takeAll(_ allowance: FlowAllowance, now: UInt64) -> Int {
        (0..<1_000).count { _ in allowance.take(now: now) }
    }

    @Test("gives a burst, then so many a second, and never more than a burst")
    func rate() {
        let allowance = FlowAllowance(burst: 100, flowsPerSecond: 10)
        let start = 7 * Self.second
        #expect(takeAll(allowance, now: start) == 100)
        #expect(!allowance.isFull(now: start))
        #expect(takeAll(allowance, now: start + Self.second) == 10)
        #expect(takeAll(allowance, now: start + Self.second) == 0)
        #expect(takeAll(allowance, now: start + 3 * Self.second) == 20)
        #expect(allowance.isFull(now: start + 13 * Self.second))
        #expect(takeAll(allowance, now: start + 1_000 * Self.second) == 100)
    }

    @Test("gives a loop that is behind another one no more")
    func clocks() {
        let allowance = FlowAllowance(burst: 100, flowsPerSecond: 10)
        #expect(takeAll(allowance, now: 20 * Self.second) == 100)
        #expect(takeAll(allowance, now: 19 * Self.second) == 0)
    }
}
