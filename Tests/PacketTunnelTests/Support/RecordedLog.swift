import Logging
import Synchronization

/// Keeps the log lines of a test.
final class RecordedLog: Sendable {
    struct Line: Sendable {
        var message: String
        var metadata: [String: String]
    }

    private let kept = Mutex<[Line]>([])

    var lines: [Line] { kept.withLock { $0 } }

    /// The metadata of every line that says `message`.
    func lines(_ message: String) -> [[String: String]] {
        lines.filter { $0.message == message }.map(\.metadata)
    }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(log: self) }
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let line = Line(message: "\(event.message)", metadata: all.mapValues { "\($0)" })
            log.kept.withLock { $0.append(line) }
        }
    }
}
