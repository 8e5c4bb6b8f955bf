public import Logging
internal import Synchronization

/// Keeps the log lines of a test. For any thread.
public final class RecordedLog: Sendable {
    /// One line, as it was logged.
    public struct Line: Sendable {
        /// The text.
        public var message: String
        /// The fields after it, those of the logger included.
        public var metadata: [String: String]
    }

    private let kept = Mutex<[Line]>([])

    /// An empty log.
    public init() {}

    /// All lines, in the order they came.
    public var lines: [Line] { kept.withLock { $0 } }

    /// The text of every line.
    public var messages: [String] { lines.map(\.message) }

    /// The metadata of every line that says `message`.
    public func lines(_ message: String) -> [[String: String]] {
        lines.filter { $0.message == message }.map(\.metadata)
    }

    /// True if the message or a field of some line has this text in it.
    public func contains(_ text: String) -> Bool {
        lines.contains { line in ([line.message] + line.metadata.values).contains { $0.contains(text) } }
    }

    /// A logger whose lines of every level are kept here.
    public var logger: Logger {
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
