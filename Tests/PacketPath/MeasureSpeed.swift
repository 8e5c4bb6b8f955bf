import Glibc
import PacketTunnel

/// Prints what a packet costs in each scenario whose name contains all `words`: the processor's time, which other
/// programs on the machine change little, and the best of five measurements.
func measureSpeed(words: ArraySlice<String>) throws {
    for (_, scenario) in try Scenario.all() where words.allSatisfy({ scenario.name.contains($0) }) {
        scenario.run(packets: 10_000)
        var best = Double.infinity
        for _ in 0..<5 {
            var runs = 0
            let start = processorTime()
            repeat {
                for _ in 0..<50 { scenario.run() }
                runs += 50
            } while processorTime() - start < 0.06
            best = min(best, (processorTime() - start) / Double(runs))
        }
        let nanoseconds = best * 1e9 / Double(scenario.packetsPerRun)
        let gigabits = Double(scenario.bytesPerRun) * 8 / best / 1e9
        print("\(rounded(nanoseconds)) ns/packet  \(rounded(gigabits)) Gbit/s  \(scenario.name)")
    }
}

/// Seconds that this thread has run.
private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

private func rounded(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
}
