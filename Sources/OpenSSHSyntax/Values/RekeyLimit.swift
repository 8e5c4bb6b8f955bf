/// When new session keys are agreed on, as in sshd: `RekeyLimit bytes [time]`.
public struct RekeyLimit: Hashable, Sendable, CustomStringConvertible {
    /// Bytes after which keys are renewed; nil for what the cipher can stand.
    public var bytes: UInt64?
    /// Time after which keys are renewed; nil for never by time.
    public var interval: Duration?

    /// Two limits, each of which may be absent.
    public init(bytes: UInt64? = nil, interval: Duration? = nil) {
        self.bytes = bytes
        self.interval = interval
    }

    /// `default none`, or the limits.
    public var description: String {
        "\(bytes.map(ByteCount.text) ?? "default") \(interval.map(TimeSpan.text) ?? "none")"
    }
}
