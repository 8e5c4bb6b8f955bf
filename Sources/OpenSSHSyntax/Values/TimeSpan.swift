/// The time formats of sshd_config: `90`, `5m`, `1h30m`, `2d`; the parts are added.
public enum TimeSpan {
    private static let units: [(letter: Unicode.Scalar, seconds: Int64)] = [
        ("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1),
    ]

    /// Reads a time. Whole seconds; at most some ten thousand years.
    ///
    /// - Throws: what is wrong with the text.
    public static func parse(_ text: String) throws(ValueProblem) -> Duration {
        let wrong = ValueProblem("\"\(text)\" is not a time", hint: "write seconds, or for example 90s, 5m, 1h30m")
        var total: Int64 = 0
        var digits = ""
        guard !text.isEmpty else { throw wrong }
        for character in text.lowercased().unicodeScalars {
            if ("0"..."9").contains(character) {
                digits.unicodeScalars.append(character)
                continue
            }
            guard let unit = units.first(where: { $0.letter == character }) else { throw wrong }
            try add(digits, times: unit.seconds, to: &total, orThrow: wrong)
            digits = ""
        }
        if !digits.isEmpty { try add(digits, times: 1, to: &total, orThrow: wrong) }
        return .seconds(total)
    }

    /// The shortest text that is read back to the same time; parts of a second are cut off.
    public static func text(_ time: Duration) -> String {
        var rest = time.components.seconds
        guard rest > 0 else { return "0" }
        var text = ""
        for unit in units where rest >= unit.seconds {
            text += "\(rest / unit.seconds)\(unit.letter)"
            rest %= unit.seconds
        }
        return text
    }

    private static func add(
        _ digits: String,
        times unit: Int64,
        to total: inout Int64,
        orThrow problem: ValueProblem
    ) throws(ValueProblem) {
        let limit: Int64 = 1 << 38
        guard let count = wholeNumber(digits, as: Int64.self), count <= limit / unit else { throw problem }
        total += count * unit
        guard total <= limit else { throw problem }
    }
}
