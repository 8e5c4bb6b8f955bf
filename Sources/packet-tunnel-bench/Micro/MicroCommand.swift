internal import ArgumentParser

/// `packet-tunnel-bench micro`
struct MicroCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro",
        abstract: "Measures what steps of the packet path cost, in memory.",
        discussion: """
            A packet is what travels in the tunnel's inner network: a segment of 1448 bytes
            of payload, a datagram of 128, or, where it says so, a super-packet of 44 segments.
            """
    )

    @Option(help: "How often each is measured.")
    var samples = 7

    @Option(help: "Length of each sample.")
    var milliseconds = 100.0

    @Option(help: ArgumentHelp("Only those with this text in their names.", valueName: "text"))
    var only = ""

    func validate() throws {
        guard samples >= 1, milliseconds >= 1 else { throw ValidationError("at least 1 is needed") }
    }

    func run() throws {
        let cycles = ProcessorClock.cyclesPerNanosecond
        print("ns per packet; bytes per cycle at \(cycles.compact) GHz")
        print(Self.row("", ["median", "minimum", "maximum", "bytes/cyc"]))
        let all = try StepBenchmarks.all() + ServerBenchmarks.all()
        for benchmark in all where only.isEmpty || benchmark.name.contains(only) {
            guard let cost = Statistics(benchmark.measure(samples: samples, nanoseconds: milliseconds * 1e6)) else {
                continue
            }
            let rate = Double(benchmark.bytesPerPacket) / (cost.median * cycles)
            print(Self.row(benchmark.name, [cost.median, cost.minimum, cost.maximum, rate].map(\.compact)))
        }
    }

    private static func row(_ name: String, _ cells: [String]) -> String {
        let padded = cells.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }
        return "  " + name + String(repeating: " ", count: max(1, 46 - name.count)) + padded.joined()
    }
}
