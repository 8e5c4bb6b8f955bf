internal import OpenSSHSyntax

/// For how long an address is refused after what it did, as in sshd: `PerSourcePenalties authfail:5s max:10m …`.
public struct SourcePenalties: Hashable, Sendable, CustomStringConvertible {
    /// What happens with more addresses than are kept.
    public enum Overflow: String, Hashable, Sendable {
        /// The penalties that end soonest are forgotten.
        case permissive
        /// Nobody else is let in.
        case denyAll = "deny-all"
    }

    /// After refused attempts to authenticate.
    public var authenticationFailure: Duration = .seconds(5)
    /// The same for a user who has no key, or may not log in.
    public var invalidUser: Duration = .seconds(5)
    /// After a connection without an attempt.
    public var noAuthentication: Duration = .zero
    /// After a connection that used up `LoginGraceTime`.
    public var graceExceeded: Duration = .seconds(10)
    /// The sum from which on an address is refused.
    public var least: Duration = .seconds(15)
    /// The sum that is not exceeded.
    public var greatest: Duration = .seconds(600)
    /// IPv4 sources that are kept: 1 to 1048576.
    public var sourceLimitIPv4 = 65_536
    /// IPv6 sources that are kept: 1 to 1048576.
    public var sourceLimitIPv6 = 65_536
    /// With more IPv4 sources.
    public var overflowIPv4 = Overflow.permissive
    /// With more IPv6 sources.
    public var overflowIPv6 = Overflow.permissive

    /// The defaults.
    public init() {}

    /// The words that are read back to an equal value: those that differ from the default, or `yes`.
    public var description: String {
        let defaults = Self()
        let times = Self.times.filter { self[keyPath: $0.path] != defaults[keyPath: $0.path] }
            .map { "\($0.name):\(TimeSpan.text(self[keyPath: $0.path]))" }
        let counts = Self.counts.filter { self[keyPath: $0.path] != defaults[keyPath: $0.path] }
            .map { "\($0.name):\(self[keyPath: $0.path])" }
        let overflows = Self.overflows.filter { self[keyPath: $0.path] != defaults[keyPath: $0.path] }
            .map { "\($0.name):\(self[keyPath: $0.path].rawValue)" }
        let words = times + counts + overflows
        return words.isEmpty ? "yes" : words.joined(separator: " ")
    }

    /// Reads one `name:value`.
    mutating func set(_ text: String) throws(ValueProblem) {
        let parts = text.parts(at: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw Self.unknown(text) }
        let (name, value) = (parts[0].lowercased(), parts[1])
        if let row = Self.times.first(where: { $0.name == name }) {
            let time = try TimeSpan.parse(value)
            guard time <= .seconds(86_400 * 30) else { throw ValueProblem("\(text): at most 30d") }
            self[keyPath: row.path] = time
        } else if let row = Self.counts.first(where: { $0.name == name }) {
            guard let count = wholeNumber(value, as: Int.self), (1...1_048_576).contains(count) else {
                throw ValueProblem("\(text): not a number from 1 to 1048576")
            }
            self[keyPath: row.path] = count
        } else if let row = Self.overflows.first(where: { $0.name == name }) {
            guard let overflow = Overflow(rawValue: value.lowercased()) else {
                throw ValueProblem("\(text): neither permissive nor deny-all")
            }
            self[keyPath: row.path] = overflow
        } else {
            throw Self.unknown(text)
        }
    }

    private static func unknown(_ text: String) -> ValueProblem {
        let name = text.parts(at: ":", maxSplits: 1)[0].lowercased()
        if name == "crash" || name == "refuseconnection" {
            return ValueProblem("\"\(text)\" has no cause here", hint: "leave it out; packet-tunneld has no such event")
        }
        let names = times.map(\.name) + counts.map(\.name) + overflows.map(\.name)
        return ValueProblem(
            "\"\(text)\" is no penalty",
            hint: "write yes, no, or NAME:VALUE; the names are " + names.joined(separator: ", ")
        )
    }

    private typealias Row<Value> = (name: String, path: any WritableKeyPath<SourcePenalties, Value> & Sendable)

    private static let times: [Row<Duration>] = [
        ("authfail", \.authenticationFailure), ("invaliduser", \.invalidUser), ("noauth", \.noAuthentication),
        ("grace-exceeded", \.graceExceeded), ("max", \.greatest), ("min", \.least),
    ]
    private static let counts: [Row<Int>] = [("max-sources4", \.sourceLimitIPv4), ("max-sources6", \.sourceLimitIPv6)]
    private static let overflows: [Row<Overflow>] = [("overflow", \.overflowIPv4), ("overflow6", \.overflowIPv6)]
}

extension ValueSyntax where Value == SourcePenalties? {
    /// `no`, `yes`, or the penalties that differ from the default, each a word.
    static var sourcePenalties: ValueSyntax {
        ValueSyntax(
            synopsis: "no|yes|NAME:VALUE...",
            parse: { (words) throws(WordProblem) in
                if words.count == 1 {
                    switch words[0].text.lowercased() {
                    case "no", "none": return nil
                    case "yes": return SourcePenalties()
                    default: break
                    }
                }
                var penalties = SourcePenalties()
                for word in words {
                    do throws(ValueProblem) {
                        try penalties.set(word.text)
                    } catch {
                        throw WordProblem(error, column: word.column)
                    }
                }
                return penalties
            },
            text: { $0?.description ?? "no" }
        )
    }
}
