/// Text of others is cut and compared by its bytes, as OpenSSH does. A `Character` includes the combining marks behind it, so
/// that a comma with U+0301 behind it is no comma any more, and characters that look alike may be equal (U+212A is a K).
extension StringProtocol {
    /// The parts between ASCII separators.
    ///
    /// - Parameter maxSplits: separators that count; what is behind them is one part.
    public func parts(at separators: Unicode.Scalar..., maxSplits: Int = .max, omittingEmpty: Bool = false)
        -> [Substring]
    {
        let bytes = separators.map { UInt8(ascii: $0) }
        return String(self).utf8
            .split(maxSplits: maxSplits, omittingEmptySubsequences: omittingEmpty) { bytes.contains($0) }
            .map { Substring($0) }
    }

    /// True if the text begins with these bytes.
    public func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// True if the text ends with these bytes.
    public func ends(with suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }

    /// What is behind these bytes; nil if the text does not begin with them.
    public func rest(after prefix: String) -> Substring? {
        begins(with: prefix) ? Substring(String(self).utf8.dropFirst(prefix.utf8.count)) : nil
    }

    /// What is in front of these bytes; nil if the text does not end with them.
    public func rest(before suffix: String) -> Substring? {
        ends(with: suffix) ? Substring(String(self).utf8.dropLast(suffix.utf8.count)) : nil
    }

    /// True if the text has one of these bytes.
    public func hasByte(of bytes: String) -> Bool { utf8.contains { bytes.utf8.contains($0) } }
}
