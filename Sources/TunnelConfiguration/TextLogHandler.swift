internal import Glibc
public import Logging

/// Writes log lines to standard error: time, level, program, module, the message, and behind it what it is about, by name.
///
///     2026-01-31T12:00:00+0000 info packet-tunneld: [PacketTunnel] client connected address=192.0.2.7 user=alice
///
/// A value with a space in it stands in quotes, so that no value looks like another field.
public struct TextLogHandler: LogHandler {
    /// Fields of every line.
    public var metadata: Logger.Metadata = [:]
    /// The lowest level that is written.
    public var logLevel: Logger.Level = .info
    private let label: String

    /// - Parameter label: the program.
    public init(label: String) {
        self.label = label
    }

    /// A field of every line.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    public func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
        let head = "\(Self.time()) \(event.level) \(label): [\(event.source)]"
        StandardError.printLine("\(head) \(Self.text("\(event.message)", fields))")
    }

    /// A message, and the fields in the order of their names.
    static func text(_ message: String, _ fields: Logger.Metadata) -> String {
        fields.sorted { $0.key < $1.key }.reduce(into: message) { $0 += " \($1.key)=\(quoted(plain($1.value)))" }
    }

    private static func plain(_ value: Logger.Metadata.Value) -> String {
        guard case .array(let values) = value else { return "\(value)" }
        return values.map(plain).joined(separator: ",")
    }

    private static func quoted(_ text: String) -> String {
        guard text.isEmpty || text.contains(where: { $0.isWhitespace || $0 == "\"" || $0 == "=" }) else { return text }
        let escaped = text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" }
        return "\"\(escaped)\""
    }

    private static func time() -> String {
        var now = Glibc.time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            _ = strftime(start, buffer.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
            return String(cString: start)
        }
    }
}
