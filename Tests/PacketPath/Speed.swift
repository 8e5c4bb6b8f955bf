import PacketTunnel

/// Prints what a packet costs in each scenario whose name contains all `words`.
func measureSpeed(words: ArraySlice<String>) throws {
    let clock = ContinuousClock()
    for (_, scenario) in try Scenario.all() where words.allSatisfy({ scenario.name.contains($0) }) {
        scenario.run(packets: 10_000)
        var best = Double.infinity
        for _ in 0..<5 {
            var runs = 0
            let start = clock.now
            repeat {
                for _ in 0..<50 { scenario.run() }
                runs += 50
            } while clock.now - start < .milliseconds(60)
            let seconds = (clock.now - start) / .seconds(1)
            best = min(best, seconds / Double(runs))
        }
        let nanoseconds = best * 1e9 / Double(scenario.packetsPerRun)
        let gigabits = Double(scenario.bytesPerRun) * 8 / best / 1e9
        print("\(rounded(nanoseconds)) ns/packet  \(rounded(gigabits)) Gbit/s  \(scenario.name)")
    }
}

private func rounded(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
}
