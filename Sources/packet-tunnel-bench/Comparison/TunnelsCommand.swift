internal import ArgumentParser
internal import Foundation

/// `packet-tunnel-bench tunnels`
struct TunnelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tunnels",
        abstract: "Measures whole tunnels, between network namespaces (default).",
        discussion: """
            Peers: \(Peer.allCases.map(\.rawValue).joined(separator: ", ")).
            Measures: \(Measure.allCases.map(\.rawValue).joined(separator: ", ")).
            Measures with paced and loaded are round trips beside a stream of that kind.
            """
    )

    @Option(help: "How often each peer is measured, in turn.")
    var rounds = 5

    @Option(help: "Length of each measurement.")
    var seconds = 5.0

    @Option(help: ArgumentHelp("What to compare. (default: all)", valueName: "list"), transform: { try list($0) })
    var peers: [Peer] = Peer.allCases

    @Option(help: ArgumentHelp("What to measure. (default: all)", valueName: "list"), transform: { try list($0) })
    var measures: [Measure] = Measure.allCases

    @Option(
        help: ArgumentHelp(
            "What lies between client and server, for example 20ms,100mbit,1%: round trip, rate, loss. (default: a cable)",
            valueName: "path"
        )
    )
    var path: String?

    @Option(help: ArgumentHelp("The rate of the paced stream.", valueName: "mbit/s"))
    var pace = 400.0

    @Option(help: ArgumentHelp("The rate of the flood of small packets; 0 is no limit.", valueName: "packets/s"))
    var floodRate = 0.0

    @Flag(help: "Measure round trips over TCP instead of UDP.")
    var tcpPing = false

    @Option(help: "TCP connections of a full-speed stream.")
    var streams = 1

    @Flag(help: "Measure over IPv6: bare, wireguard-go, gso and psiphon. The tunnels' own connection stays on IPv4.")
    var ipv6 = false

    @Option(help: ArgumentHelp("Write all samples there.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Draw a chart there.", valueName: "file"))
    var svg: String?

    @Flag(help: "Install what peers lack, with apt-get.")
    var installPeers = false

    @Option(help: ArgumentHelp("The lab's scripts. (default: Tests/Lab of this package)", valueName: "directory"))
    var lab: String?

    func validate() throws {
        guard rounds >= 1 else { throw ValidationError("--rounds \(rounds): at least one is needed") }
        guard (1...600).contains(seconds) else { throw ValidationError("--seconds \(seconds): 1 to 600") }
        guard (1...128).contains(streams) else { throw ValidationError("--streams \(streams): 1 to 128") }
        guard pace > 0, floodRate >= 0 else { throw ValidationError("a rate is not negative") }
    }

    func run() throws {
        guard let directory = lab.map({ URL(fileURLWithPath: $0) }) ?? LabLocation.directory() else {
            throw ValidationError("no Tests/Lab/bench.sh here or above this program; name its directory with --lab")
        }
        try checkPrograms()
        let machine = Report.Machine()
        let lab = try Lab(directory: directory, programs: LabLocation.programs, path: path, isIPv6: ipv6)
        defer { lab.close() }
        let chosen = peers.filter { !ipv6 || $0.carriesIPv6 }
        var remarks = peers.filter { !chosen.contains($0) }.map { "\($0.rawValue) is measured over IPv4 only" }
        let present = try PeerInstaller(lab: lab, installs: installPeers).present(chosen) { remarks.append($0) }
        var settings = Measurements.Settings()
        settings.seconds = seconds
        settings.pace = pace
        settings.floodRate = floodRate
        settings.pingsOverTCP = tcpPing
        settings.streams = streams
        let comparison = Comparison(
            lab: lab,
            measurements: try Measurements(lab: lab, settings: settings),
            peers: present,
            measures: Measure.allCases.filter(measures.contains),
            progress: Self.say
        )
        var samples = comparison.run(rounds: rounds)
        samples.remarks = remarks + samples.remarks
        let versions = present.map { ($0, (try? lab.tell("version", $0.rawValue)) ?? "unknown") }
        let report = Report(
            samples: samples,
            command: self,
            versions: Dictionary(uniqueKeysWithValues: versions),
            machine: machine
        )
        print(report.table)
        if let json { try report.json.write(to: URL(fileURLWithPath: json)) }
        if let svg { try Chart(report).text.write(toFile: svg, atomically: true, encoding: .utf8) }
        // EX_UNAVAILABLE of sysexits.h: nothing could be measured, and the remarks say why.
        if report.comparisons.isEmpty { throw ExitCode(69) }
    }

    private func checkPrograms() throws {
        #if DEBUG
            Self.say("this is a debug build: what it says about speed means nothing")
        #endif
        let ours = peers.contains(where: \.isOurs) ? ["packet-tunneld", "packet-tunnel"] : []
        for name in ours + ["lab-tool"] {
            let path = LabLocation.programs.appendingPathComponent(name).path
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw ValidationError("\(path) is missing; build it first, see --help")
            }
        }
    }

    /// For the person who waits; the table on standard output stays clean.
    static func say(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}

/// Words with commas between.
private func list<Value: ExpressibleByArgument & CaseIterable & RawRepresentable>(
    _ text: String
) throws -> [Value] where Value.RawValue == String {
    var values: [Value] = []
    for word in text.split(separator: ",").map(String.init) {
        guard let value = Value(rawValue: word) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(word) is none of \(known)")
        }
        guard !values.contains(where: { $0.rawValue == word }) else { throw ValidationError("\(word) is named twice") }
        values.append(value)
    }
    return values
}
