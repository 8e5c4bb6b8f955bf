internal import Foundation

/// How each measurement is made with the peer that is up.
struct Measurements {
    /// What all measurements have in common.
    struct Settings {
        /// Length of each, in seconds.
        var seconds = 5.0
        /// Mbit/s of the paced stream.
        var pace = 400.0
        /// Datagrams per second of a flood; 0 is as many as can be sent.
        var floodRate = 0.0
        /// Whether round trips are measured over TCP.
        var pingsOverTCP = false
        /// TCP connections of a bulk transfer.
        var streams = 1
    }

    private static let echoPort = "7007"
    private static let floodPort = "7009"
    private static let bulkPort = "5201"
    private static let objectsPort = "7011"
    /// Microseconds between round trips beside other traffic.
    private static let pingInterval = "2000"

    let lab: Lab
    let settings: Settings
    private let address: String
    private let congestionControl: [String]

    /// Starts what all peers' traffic goes to.
    init(lab: Lab, settings: Settings) throws {
        self.lab = lab
        self.settings = settings
        let facts = try lab.tell("facts").split(separator: " ").map(String.init)
        address = facts[0]
        congestionControl = Array(facts.dropFirst())
        try lab.tell(["start", "echo", "target"] + lab.probeCommand(["echo", address, Self.echoPort]))
        try lab.tell("await", "echo", "10", "listening")
    }

    /// Starts the client of the peer, and waits until a connection passes through it.
    ///
    /// - Returns: the set-up time, where something had to be set up.
    func connect() throws -> [String: Double] {
        try lab.tell(["start", "connect", "client"] + connectProbe(seconds: 20))
        try lab.tell("await", "connect", "10", "trying|rror")
        try lab.tell("connect")
        let connected = Lab.values(try lab.tell("finish", "connect", "25"))["connected"]
        guard let connected, let started = Lab.values(try lab.tell("started"))["started"] else { return [:] }
        return ["setup": (connected - started) / 1e6]
    }

    /// True once connections pass through the peer, which may take it a while after a flood.
    func settle() -> Bool {
        (try? lab.tell(["run", "client"] + connectProbe(seconds: 10))) != nil
    }

    private func connectProbe(seconds: Int) -> [String] {
        lab.probeCommand(["connect", address, Self.echoPort, "--seconds", "\(seconds)"])
    }

    /// Makes one measurement.
    ///
    /// - Returns: its metrics, by name.
    func make(_ measure: Measure) throws -> [String: Double] {
        switch measure {
        case .setup: [:]
        case .idle: try ping(measure, interval: "0", unitsPerMicrosecond: 1)
        case .down, .up: try throughput(measure)
        case .smallDown: try floodDown(measure)
        case .smallUp: try floodUp(measure)
        case .pacedDown, .pacedUp:
            // Small writes, or the pace is that of bursts. A pace of the kernel's would not reach the server of iperf3.
            try loaded(measure, extra: ["--bitrate", "\(Int(settings.pace))M", "--length", "16384"])
        case .loadedDown, .loadedUp: try loaded(measure, extra: [])
        case .web: try objects()
        case .memory: try memory()
        }
    }

    // MARK: Round trips

    private func ping(
        _ measure: Measure,
        interval: String = pingInterval,
        unitsPerMicrosecond: Double = 1e-3
    ) throws -> [String: Double] {
        let transport = settings.pingsOverTCP ? ["--tcp"] : []
        let words = ["ping", address, Self.echoPort, "--seconds", "\(settings.seconds)", "--interval", interval]
        let values = try lab.probe(in: "client", words + transport)
        guard let median = values["median"], let p99 = values["p99"] else {
            throw Lab.Failure(description: "no round trips")
        }
        return [
            "\(measure.rawValue)-rtt-median": median * unitsPerMicrosecond,
            "\(measure.rawValue)-rtt-p99": p99 * unitsPerMicrosecond,
        ]
    }

    /// Round trips while one TCP stream runs.
    private func loaded(_ measure: Measure, extra: [String]) throws -> [String: Double] {
        try startBulkServer()
        defer { _ = try? lab.tell("stop", "bulk-server") }
        // The stream begins before the round trips and ends after them.
        let time = ["--time", "\(Int(settings.seconds.rounded(.up)) + 2)", "--interval", "0.2", "--forceflush"]
        try lab.tell(["start", "bulk", "client"] + bulkClient(measure) + time + ["--format", "m"] + extra)
        defer { _ = try? lab.tell("stop", "bulk") }
        try lab.tell("await", "bulk", "15", #"0\.[4-9]0+-[0-9.]+\s+sec.*bits/sec"#)
        var metrics = try ping(measure)
        let log = try lab.tell("finish", "bulk", "\(Int(settings.seconds) + 20)")
        metrics["\(measure.rawValue)-rate"] = try BulkReport(log: log).megabitsPerSecond
        return metrics
    }

    // MARK: Bulk

    private func startBulkServer() throws {
        let words = ["iperf3", "--server", "--one-off", "--bind", address, "--port", Self.bulkPort, "--forceflush"]
        try lab.tell(["start", "bulk-server", "target"] + words)
        try lab.tell("await", "bulk-server", "10", "listening|rror")
    }

    private func bulkClient(_ measure: Measure) -> [String] {
        ["iperf3", "--client", address, "--port", Self.bulkPort, "--parallel", "\(settings.streams)"]
            + congestionControl
            + (measure.direction == .down ? ["--reverse"] : [])
    }

    private func throughput(_ measure: Measure) throws -> [String: Double] {
        try startBulkServer()
        defer { _ = try? lab.tell("stop", "bulk-server") }
        let before = try usage()
        let words = bulkClient(measure) + ["--time", "\(Int(settings.seconds.rounded(.up)))", "--json"]
        let report = try BulkReport(json: lab.tell(["run", "client"] + words))
        let after = try usage()
        var metrics = [measure.rawValue: report.megabitsPerSecond]
        if let used = after.seconds.map({ $0 - (before.seconds ?? 0) }), report.bytes > 0 {
            metrics["\(measure.rawValue)-cpu"] = used / (report.bytes / 1e9)
        }
        return metrics
    }

    // MARK: Short transfers

    /// What a page of the web is made of: objects over connections of their own, a few at a time.
    private func objects() throws -> [String: Double] {
        try lab.tell(["start", "objects", "target"] + lab.probeCommand(["objects", address, Self.objectsPort]))
        defer { _ = try? lab.tell("stop", "objects") }
        try lab.tell("await", "objects", "10", "listening|rror")
        let values = try lab.probe(in: "client", ["fetch", address, Self.objectsPort])
        guard let time = values["time"] else { throw Lab.Failure(description: "no objects") }
        return ["web": time]
    }

    // MARK: Small packets

    private var floodLength: String { "\(settings.seconds + 0.5)" }
    private var floodShape: [String] { ["--size", "128", "--rate", "\(settings.floodRate)"] }

    /// The client sends to a receiver that waits.
    private func floodUp(_ measure: Measure) throws -> [String: Double] {
        let receive = ["receive", address, Self.floodPort, "--seconds", "\(settings.seconds)"]
        let send = ["send", address, Self.floodPort, "--seconds", floodLength] + floodShape
        return try flood(
            measure,
            first: ("receiver", "target", receive),
            second: ("sender", "client", send)
        )
    }

    /// The client asks a sender that waits.
    private func floodDown(_ measure: Measure) throws -> [String: Double] {
        let send = ["send", address, Self.floodPort, "--when-asked", "--seconds", floodLength] + floodShape
        let receive = ["receive", address, Self.floodPort, "--ask", "--seconds", "\(settings.seconds)"]
        return try flood(
            measure,
            first: ("sender", "target", send),
            second: ("receiver", "client", receive)
        )
    }

    private typealias FloodPart = (name: String, namespace: String, words: [String])

    private func flood(_ measure: Measure, first: FloodPart, second: FloodPart) throws -> [String: Double] {
        for part in [first, second] {
            try lab.tell(["start", part.name, part.namespace] + lab.probeCommand(part.words))
            if part.name == first.name { try lab.tell("await", part.name, "10", "listening|rror") }
        }
        defer { for part in [first, second] { _ = try? lab.tell("stop", part.name) } }
        var metrics = try ping(measure)
        let received = Lab.values(try lab.tell("finish", "receiver", "\(Int(settings.seconds) + 10)"))
        try lab.tell("finish", "sender", "10")
        metrics[measure.rawValue] = received["rate"]
        metrics["\(measure.rawValue)-worst"] = received["worst"]
        return metrics
    }

    // MARK: Processes

    private struct Usage {
        /// Processor time of both ends; nil without a tunnel.
        let seconds: Double?
        let values: [String: Double]
    }

    private func usage() throws -> Usage {
        let values = Lab.values(try lab.tell("usage"))
        let times = [values["server-cpu"], values["client-cpu"]].compactMap(\.self)
        return Usage(seconds: times.isEmpty ? nil : times.reduce(0, +), values: values)
    }

    private func memory() throws -> [String: Double] {
        let values = try usage().values
        var metrics: [String: Double] = [:]
        for end in ["server", "client"] { metrics["memory-\(end)"] = values["\(end)-peak"].map { $0 / 1_024 } }
        return metrics
    }
}
