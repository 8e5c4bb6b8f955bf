/// Sizes as sshd writes them: a number, perhaps followed by `K`, `M` or `G` for powers of 1024.
public enum ByteCount {
    private static let units: [(letter: Character, bytes: UInt64)] = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)]

    /// Reads a size in bytes.
    ///
    /// - Throws: what is wrong with the text.
    public static func parse(_ text: String) throws(ValueProblem) -> UInt64 {
        let wrong = ValueProblem("\"\(text)\" is not a size", hint: "write bytes, or for example 512K, 4M, 1G")
        let unit = units.first { text.uppercased().ends(with: String($0.letter)) }
        let digits = unit == nil ? text[...] : Substring(text.utf8.dropLast())
        guard let count = wholeNumber(digits, as: UInt64.self) else { throw wrong }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit?.bytes ?? 1)
        guard !overflow else { throw wrong }
        return bytes
    }

    /// The shortest text that is read back to the same size.
    public static func text(_ bytes: UInt64) -> String {
        guard bytes > 0, let unit = units.first(where: { bytes % $0.bytes == 0 }) else { return "\(bytes)" }
        return "\(bytes / unit.bytes)\(unit.letter)"
    }
}
