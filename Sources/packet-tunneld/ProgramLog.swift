internal import FoundationEssentials
internal import Logging
internal import TunnelConfiguration

/// Where log lines go: standard error, as text or as one JSON object a line.
enum ProgramLog {
    static func make(_ configuration: DaemonConfiguration) -> Logger {
        var logger = Logger(label: "packet-tunneld") { label in
            configuration.logFormat == .json
                ? JSONLogHandler() as any LogHandler : StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = level(configuration.logLevel)
        return logger
    }

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
