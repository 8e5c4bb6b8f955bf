internal import Foundation

/// A run, ready to be printed, written and drawn.
struct Report: Encodable {
    /// The machine that everything ran on.
    struct Machine: Encodable {
        var processor = Machine.processorName
        var processors = ProcessInfo.processInfo.processorCount
        var kernel = Machine.kernelRelease
        /// Threads that wanted to run in the minute before the first round: what others did to the numbers.
        var loadBefore = Machine.load
    }

    /// What was asked for.
    struct Settings: Encodable {
        let rounds: Int
        let path: String
        let seconds: Double
        let pacedStream: Double
        let floodRate: Double
        let roundTripsOver: String
        let streams: Int
        let family: String
    }

    /// One metric with all peers.
    struct Comparison: Encodable {
        let name: String
        let title: String
        let unit: String
        let moreIsBetter: Bool
        let peers: [Entry]

        /// True when no peer could be measured.
        var isEmpty: Bool { peers.isEmpty }
    }

    /// One peer's samples of one metric.
    struct Entry: Encodable {
        let peer: Peer
        let median: Double
        let minimum: Double
        let maximum: Double
        let samples: [Double]
        /// How many times better each of ours is than this peer.
        let timesBetter: [Peer: Double]
    }

    let date: String
    let machine: Machine
    /// What each peer says it is.
    let versions: [Peer: String]
    let settings: Settings
    let comparisons: [Comparison]
    let remarks: [String]

    init(samples: Samples, command: TunnelsCommand, versions: [Peer: String], machine: Machine) {
        self.machine = machine
        self.versions = versions
        date = ISO8601DateFormatter().string(from: Date())
        settings = Settings(
            rounds: command.rounds,
            path: command.path ?? "",
            seconds: command.seconds,
            pacedStream: command.pace,
            floodRate: command.floodRate,
            roundTripsOver: command.tcpPing ? "TCP" : "UDP",
            streams: command.streams,
            family: command.ipv6 ? "IPv6" : "IPv4"
        )
        let metrics = Measure.allCases.filter(command.measures.contains).flatMap(\.metrics)
        comparisons = metrics.map { Comparison($0, samples, command.peers) }.filter { !$0.isEmpty }
        remarks = samples.remarks
    }

    /// All of it, for programs.
    var json: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(self)
        }
    }
}

extension Report.Comparison {
    init(_ metric: Metric, _ samples: Samples, _ peers: [Peer]) {
        name = metric.name
        title = metric.title
        unit = metric.unit.rawValue
        let moreIsBetter = metric.unit.moreIsBetter
        self.moreIsBetter = moreIsBetter
        let medians = peers.reduce(into: [:]) { $0[$1] = Statistics(samples[metric, $1])?.median }
        self.peers = peers.compactMap { peer in
            guard let statistics = Statistics(samples[metric, peer]) else { return nil }
            let ratios = medians.filter { $0.key.isOurs && $0.key != peer }.mapValues {
                moreIsBetter ? $0 / statistics.median : statistics.median / $0
            }
            return Report.Entry(
                peer: peer,
                median: statistics.median,
                minimum: statistics.minimum,
                maximum: statistics.maximum,
                samples: samples[metric, peer],
                timesBetter: ratios.filter(\.value.isFinite)
            )
        }
    }
}

extension Report.Machine {
    fileprivate static var processorName: String {
        let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    fileprivate static var load: Double {
        let text = try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)
        return text?.split(separator: " ").first.flatMap { Double($0) } ?? .zero
    }

    fileprivate static var kernelRelease: String {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
    }
}
