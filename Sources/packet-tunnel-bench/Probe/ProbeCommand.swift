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
            CrowdProbe.self, UsageProbe.self, ObjectsProbe.self, FetchProbe.self,
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

extension Double {
    /// Seconds as nanoseconds.
    var inNanoseconds: UInt64 { UInt64(self * 1e9) }
}
