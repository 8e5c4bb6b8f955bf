internal import ArgumentParser

/// Which way the bulk of the bytes goes.
enum BulkDirection: String {
    case down
    case up
}

/// One measurement that is made with each peer in each round, in this order. Yields one or several metrics.
///
/// Floods come last: some peers need a while to get over them.
enum Measure: String, CaseIterable, ExpressibleByArgument {
    case setup
    case idle
    case down
    case up
    case pacedDown = "paced-down"
    case pacedUp = "paced-up"
    case loadedDown = "loaded-down"
    case loadedUp = "loaded-up"
    case web
    case memory
    case smallDown = "small-down"
    case smallUp = "small-up"

    /// The direction, where there is one.
    var direction: BulkDirection {
        switch self {
        case .up, .smallUp, .pacedUp, .loadedUp: .up
        case .setup, .idle, .down, .smallDown, .pacedDown, .loadedDown, .web, .memory: .down
        }
    }

    /// What it yields, in the order of the report.
    var metrics: [Metric] {
        switch self {
        case .setup: [Metric("setup", "set-up, from start to first connection", .milliseconds)]
        case .idle: Metric.roundTrips("idle", "idle", unit: .microseconds)
        case .down, .up:
            [
                Metric("\(rawValue)", "TCP \(rawValue)", .megabitsPerSecond),
                Metric("\(rawValue)-cpu", "processor time \(rawValue), both ends", .secondsPerGigabyte),
            ]
        case .smallDown, .smallUp:
            [
                Metric(rawValue, "128-byte packets received \(direction) of a flood", .packetsPerSecond),
                Metric("\(rawValue)-worst", "the same \(direction) in the worst half second", .packetsPerSecond),
            ] + Metric.roundTrips(rawValue, "beside a flood \(direction)", unit: .milliseconds)
        case .pacedDown, .pacedUp:
            Metric.roundTrips(rawValue, "beside a paced stream \(direction)", unit: .milliseconds) + [
                Metric("\(rawValue)-rate", "the paced stream \(direction)", .megabitsPerSecond)
            ]
        case .loadedDown, .loadedUp:
            Metric.roundTrips(rawValue, "beside a full-speed stream \(direction)", unit: .milliseconds) + [
                Metric("\(rawValue)-rate", "the full-speed stream \(direction)", .megabitsPerSecond)
            ]
        case .web:
            [Metric("web", "\(ObjectsProbe.count) objects of \(ObjectsProbe.size / 1_000) KB", .milliseconds)]
        case .memory:
            [
                Metric("memory-server", "peak resident memory of the server", .mebibytes),
                Metric("memory-client", "peak resident memory of the client", .mebibytes),
            ]
        }
    }
}

/// A number that is compared.
struct Metric {
    /// The unit, which also says whether more is better.
    enum Unit: String {
        case megabitsPerSecond = "Mbit/s"
        case packetsPerSecond = "packets/s"
        case secondsPerGigabyte = "CPU-s/GB"
        case milliseconds = "ms"
        case microseconds = "µs"
        case mebibytes = "MiB"

        var moreIsBetter: Bool { self == .megabitsPerSecond || self == .packetsPerSecond }
    }

    /// Its name in the JSON file.
    let name: String
    /// Its name for people.
    let title: String
    let unit: Unit

    init(_ name: String, _ title: String, _ unit: Unit) {
        self.name = name
        self.title = title
        self.unit = unit
    }

    /// Median and 99th percentile of round trips.
    static func roundTrips(_ name: String, _ title: String, unit: Unit) -> [Metric] {
        [
            Metric("\(name)-rtt-median", "round trip \(title), median", unit),
            Metric("\(name)-rtt-p99", "round trip \(title), 99th percentile", unit),
        ]
    }
}
