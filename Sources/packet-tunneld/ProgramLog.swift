internal import FoundationEssentials
internal import Logging
internal import Synchronization
internal import TunnelConfiguration

/// Where log lines go: standard error, as text or as one JSON object a line.
enum ProgramLog {
    private static let currentLevel = Mutex(Logger.Level.info)

    static func make(_ configuration: DaemonConfiguration) -> Logger {
        setLevel(configuration.logLevel)
        return Logger(label: "packet-tunneld") { label in
            SharedLevelLogHandler(
                configuration.logFormat == .json ? JSONLogHandler() : TextLogHandler(label: label)
            )
        }
    }

    /// Changes the level of every logger of the program.
    static func setLevel(_ level: LogLevel) {
        currentLevel.withLock { $0 = Self.level(level) }
    }

    fileprivate static var level: Logger.Level { currentLevel.withLock { $0 } }

    private static func level(_ level: LogLevel) -> Logger.Level {
        switch level {
        case .quiet, .fatal: .critical
        case .error: .error
        case .info: .info
        case .verbose, .debug, .debug1: .debug
        case .debug2, .debug3: .trace
        }
    }
}

/// A handler whose level is that of the program, however many loggers have been made of it.
private struct SharedLevelLogHandler: LogHandler {
    private var handler: any LogHandler

    init(_ handler: any LogHandler) {
        self.handler = handler
        self.handler.logLevel = .trace
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    var logLevel: Logger.Level {
        get { ProgramLog.level }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { handler.log(event: event) }
}

/// One JSON object a line, for log collectors.
private struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        fields["time"] = Date().formatted(.iso8601)
        fields["level"] = event.level.rawValue
        fields["message"] = "\(event.message)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(fields) else { return }
        StandardError.printLine(String(decoding: data, as: UTF8.self))
    }
}
