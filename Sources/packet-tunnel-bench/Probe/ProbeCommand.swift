internal import ArgumentParser
internal import Glibc

/// What the benchmark runs inside the lab's namespaces. Each prints lines of `NAME=VALUE`.
struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Measures one thing inside a namespace.",
        shouldDisplay: false,
        subcommands: [
            EchoProbe.self, PingProbe.self, ConnectProbe.self, LaunchProbe.self, SendProbe.self, ReceiveProbe.self,
            CrowdProbe.self, UsageProbe.self,
        ]
    )
}

/// Where a probe listens, or what it talks to.
struct ProbeEndpoint: ParsableArguments {
    @Argument(help: "An IPv4 or IPv6 address.")
    var address: String

    @Argument(help: "A UDP and TCP port.")
    var port: UInt16
}

/// Prints results, at once: whoever waits for them reads a file.
enum ProbeOutput {
    static func print(_ values: KeyValuePairs<String, Double>) {
        write(values.map { "\($0)=\($1)" }.joined(separator: " "))
    }

    static func write(_ line: String) {
        Swift.print(line)
        fflush(nil)
    }
}

/// Clocks in nanoseconds.
enum ProbeClock {
    static var monotonic: UInt64 { read(CLOCK_MONOTONIC) }

    /// The one clock that processes can compare their notes by.
    static var real: UInt64 { read(CLOCK_REALTIME) }

    /// What this thread has had of the processor, whatever others had meanwhile.
    static var thread: UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// What this process has had of the processors.
    static var process: UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Waits until the monotonic clock shows `deadline`.
    static func sleep(until deadline: UInt64) {
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

extension Double {
    /// Seconds as nanoseconds.
    var inNanoseconds: UInt64 { UInt64(self * 1e9) }
}
