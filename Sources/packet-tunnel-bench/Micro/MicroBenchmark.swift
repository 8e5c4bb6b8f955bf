internal import EventLoops
internal import Foundation

/// A piece of work that is repeated until it has taken long enough to be timed.
struct MicroBenchmark {
    let name: String
    /// Packets that one call of `body` handles.
    let packets: Int
    /// Bytes of one of them, headers included.
    let bytesPerPacket: Int
    let body: () -> Void

    /// Nanoseconds of this thread's processor time per packet, once for each sample.
    func measure(samples: Int, nanoseconds: Double) -> [Double] {
        var repetitions = 1
        var time = timeOf(repetitions)
        while time < nanoseconds {
            // Also the way to warm caches and branch predictors.
            let factor = time > 0 ? nanoseconds / time * 1.1 : 2
            repetitions = max(repetitions + 1, Int(Double(repetitions) * min(factor, 10)))
            time = timeOf(repetitions)
        }
        return (0..<samples).map { _ in timeOf(repetitions) / Double(repetitions * packets) }
    }

    private func timeOf(_ repetitions: Int) -> Double {
        let start = SystemClock.thread
        for _ in 0..<repetitions { body() }
        return Double(SystemClock.thread - start)
    }
}

/// Takes a result, so that the compiler cannot leave out the work behind it.
@inline(never) func consume<Value>(_ value: Value) {}

/// The processor's nominal frequency.
enum ProcessorClock {
    /// Cycles in a nanosecond; 1 where the system does not tell.
    static var cyclesPerNanosecond: Double {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("cpu MHz") }
        let megahertz = line?.split(separator: ":").last.flatMap { Double($0.trimmingCharacters(in: .whitespaces)) }
        return (megahertz ?? 1_000) / 1_000
    }
}
