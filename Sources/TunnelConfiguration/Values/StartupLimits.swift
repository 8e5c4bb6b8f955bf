/// How many connections may be unauthenticated at once, as in sshd: `start:rate:full`, or just `full`.
///
/// From `start` such connections on, a new one is refused with a chance of `rate` percent, which rises until at `full`
/// every new one is refused.
public struct MaxStartups: ConfigurationValue {
    /// Connections below which none is refused.
    public var start: Int
    /// The chance to be refused at `start`, in percent.
    public var rate: Int
    /// Connections from which on all are refused.
    public var full: Int

    /// The three numbers, unchecked; `DaemonConfiguration.validated()` checks them.
    public init(start: Int, rate: Int, full: Int) {
        self.start = start
        self.rate = rate
        self.full = full
    }

    /// How a synopsis calls it.
    public static var placeholder: String { "START:RATE:FULL|FULL" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).compactMap {
            wholeNumber($0, as: Int.self)
        }
        let colons = text.filter { $0 == ":" }.count
        switch (numbers.count, colons) {
        case (1, 0): self.init(start: numbers[0], rate: 100, full: numbers[0])
        case (3, 2): self.init(start: numbers[0], rate: numbers[1], full: numbers[2])
        default:
            throw ValueProblem("\"\(text)\" is not start:rate:full", hint: "write for example 10:30:100, or one number")
        }
        if let contradiction { throw ValueProblem(contradiction) }
    }

    /// The text that is read back to an equal value.
    public var description: String { "\(start):\(rate):\(full)" }

    var contradiction: String? {
        guard (1...100_000).contains(start), (1...100_000).contains(full) else {
            return "start and full must be 1 to 100000, and are \(start) and \(full)"
        }
        guard (1...100).contains(rate) else { return "the rate is a percentage from 1 to 100, and is \(rate)" }
        guard start <= full else { return "start, \(start), must not be above full, \(full)" }
        return nil
    }
}

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
