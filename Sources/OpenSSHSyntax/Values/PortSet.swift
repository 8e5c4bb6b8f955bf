/// TCP or UDP ports: `any`, `none`, or a list like `53,80,443,1000-2000`.
public struct PortSet: ConfigurationValue {
    /// The ports, as ranges in rising order that neither overlap nor touch.
    public let ranges: [ClosedRange<UInt16>]

    /// Every port from 1; port 0 names no service.
    public static let any = PortSet([1...UInt16.max])
    /// No port.
    public static let none = PortSet([])

    /// The union of ranges.
    public init(_ ranges: [ClosedRange<UInt16>]) {
        var merged: [ClosedRange<UInt16>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, Int(range.lowerBound) <= Int(last.upperBound) + 1 {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    /// How a synopsis calls it.
    public static var placeholder: String { "any|none|PORT[-PORT],..." }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        switch text.lowercased() {
        case "any": self = .any
        case "none": self = .none
        default:
            var ranges: [ClosedRange<UInt16>] = []
            for item in text.parts(at: ",") {
                ranges.append(try Self.range(item))
            }
            self.init(ranges)
        }
    }

    /// True if the port is one of them. Binary search would not pay: lists are short, and policy is asked once per flow.
    public func contains(_ port: UInt16) -> Bool {
        ranges.contains { $0.contains(port) }
    }

    /// The text that is read back to an equal value.
    public var description: String {
        if self == .any { return "any" }
        if self == .none { return "none" }
        return ranges.map { range in
            range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
        }.joined(separator: ",")
    }

    /// One port or range: `80`, `8000-8010`.
    ///
    /// - Throws: what is wrong with the text.
    public static func range(_ item: some StringProtocol) throws(ValueProblem) -> ClosedRange<UInt16> {
        let ends = item.parts(at: "-", maxSplits: 1)
        guard let low = ends.first.flatMap({ wholeNumber($0, as: UInt16.self) }),
            let high = ends.last.flatMap({ wholeNumber($0, as: UInt16.self) }), low > 0
        else {
            throw ValueProblem(
                "\"\(item)\" is not a port or a range of ports",
                hint: "write any, none, or for example 53,80,443,1000-2000"
            )
        }
        guard low <= high else { throw ValueProblem("the range \(item) ends before it begins") }
        return low...high
    }
}
