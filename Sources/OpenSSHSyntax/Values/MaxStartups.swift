/// How many connections may be unauthenticated at once, as in sshd: `begin:rate:full`, or just `full`.
///
/// From `begin` such connections on, a new one is refused with a chance of `rate` percent, which rises until at `full`
/// every new one is refused.
public struct MaxStartups: ConfigurationValue {
    /// Connections below which none is refused.
    public var begin: Int
    /// The chance to be refused at `begin`, in percent.
    public var rate: Int
    /// Connections from which on all are refused.
    public var full: Int

    /// The three numbers, unchecked; `contradiction` checks them.
    public init(begin: Int, rate: Int, full: Int) {
        self.begin = begin
        self.rate = rate
        self.full = full
    }

    /// How a synopsis calls it.
    public static var placeholder: String { "BEGIN:RATE:FULL|FULL" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let parts = text.parts(at: ":")
        let numbers = parts.compactMap { wholeNumber($0, as: Int.self) }
        switch (numbers.count, parts.count) {
        case (1, 1): self.init(begin: numbers[0], rate: 100, full: numbers[0])
        case (3, 3): self.init(begin: numbers[0], rate: numbers[1], full: numbers[2])
        default:
            throw ValueProblem("\"\(text)\" is not begin:rate:full", hint: "write for example 10:30:100, or one number")
        }
        if let contradiction { throw ValueProblem(contradiction) }
    }

    /// The text that is read back to an equal value.
    public var description: String { "\(begin):\(rate):\(full)" }

    /// Why the three numbers cannot go together; nil if they can.
    public var contradiction: String? {
        guard (1...100_000).contains(begin), (1...100_000).contains(full) else {
            return "begin and full must be 1 to 100000, and are \(begin) and \(full)"
        }
        guard (1...100).contains(rate) else { return "the rate is a percentage from 1 to 100, and is \(rate)" }
        guard begin <= full else { return "begin, \(begin), must not be above full, \(full)" }
        return nil
    }
}
