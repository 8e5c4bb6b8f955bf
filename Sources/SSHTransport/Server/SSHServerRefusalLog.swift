internal import Synchronization

/// How many lines about refused peers go to the log: enough for a person, and for a program that bans addresses, and no more
/// from somebody who means to fill the disk. For any thread.
final class SSHServerRefusalLog: Sendable {
    /// A number of lines that refills with time.
    private struct Allowance {
        var lines: Double
        var time: UInt64

        mutating func take(_ now: UInt64, burst: Double, nanosecondsPerLine: Double) -> Bool {
            let elapsed = now > time ? Double(now - time) : 0
            lines = min(burst, lines + elapsed / nanosecondsPerLine)
            time = max(time, now)
            guard lines >= 1 else { return false }
            lines -= 1
            return true
        }
    }

    private struct State {
        var all = Allowance(lines: SSHServerRefusalLog.burst, time: 0)
        var sources: [SSHServerSource: Allowance] = [:]
        var suppressed = 0
    }

    /// Lines at once, and the time for another one.
    static let burst = 200.0
    static let sourceBurst = 20.0
    private static let nanosecondsPerLine = 100_000_000.0
    private static let nanosecondsPerSourceLine = 3_000_000_000.0
    private static let sourceLimit = 4_096

    private let state = Mutex(State())

    /// Asks for a line about `source`.
    ///
    /// - Returns: how many lines were left out since the last one; nil if this one is, too.
    func line(about source: SSHServerSource, now: UInt64) -> Int? {
        state.withLock { state in
            if state.sources[source] == nil, state.sources.count >= Self.sourceLimit {
                // A source that has been quiet for long enough has its full allowance again, so it may be forgotten.
                let quiet = UInt64(Self.sourceBurst * Self.nanosecondsPerSourceLine)
                state.sources = state.sources.filter { $0.value.time &+ quiet > now }
                if state.sources.count >= Self.sourceLimit { state.sources = [:] }
            }
            var allowance = state.sources[source] ?? Allowance(lines: Self.sourceBurst, time: now)
            let isPermitted =
                allowance.take(now, burst: Self.sourceBurst, nanosecondsPerLine: Self.nanosecondsPerSourceLine)
                && state.all.take(now, burst: Self.burst, nanosecondsPerLine: Self.nanosecondsPerLine)
            state.sources[source] = allowance
            guard isPermitted else {
                state.suppressed += 1
                return nil
            }
            defer { state.suppressed = 0 }
            return state.suppressed
        }
    }
}
