/// A duration as log lines and status texts write it: `350ms`, `1.2s`, `45s`, `2m5s`, `3h20m`. Rounded to what is shown; a
/// negative one is written as `0ms`.
public struct ShortDuration: CustomStringConvertible, Hashable, Sendable {
    private let milliseconds: Int64

    /// The text of `duration`.
    public init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        milliseconds = max(0, seconds * 1_000 + (attoseconds + 500_000_000_000_000) / 1_000_000_000_000_000)
    }

    /// The text.
    public var description: String {
        guard milliseconds >= 1_000 else { return "\(milliseconds)ms" }
        let tenths = (milliseconds + 50) / 100
        guard tenths >= 600 else { return tenths % 10 == 0 ? "\(tenths / 10)s" : "\(tenths / 10).\(tenths % 10)s" }
        let seconds = (milliseconds + 500) / 1_000
        guard seconds >= 3_600 else { return "\(seconds / 60)m" + (seconds % 60 == 0 ? "" : "\(seconds % 60)s") }
        let minutes = (seconds + 30) / 60
        return "\(minutes / 60)h" + (minutes % 60 == 0 ? "" : "\(minutes % 60)m")
    }
}
