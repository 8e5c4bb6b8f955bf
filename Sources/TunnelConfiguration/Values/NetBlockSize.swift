public import OpenSSHSyntax

/// Leading bits of an address that make one source, as in sshd: `PerSourceNetBlockSize 32:64`.
public struct NetBlockSize: ConfigurationValue {
    /// 0 to 32.
    public var ipv4: Int
    /// 0 to 128.
    public var ipv6: Int

    /// The two lengths, unchecked. By default an IPv6 network of 64 bits is one source: a host there has as many addresses as
    /// it likes.
    public init(ipv4: Int = 32, ipv6: Int = 64) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// How a synopsis calls it.
    public static var placeholder: String { "BITS4[:BITS6]" }

    /// Reads it.
    ///
    /// - Throws: what is wrong with the text.
    public init(parsing text: String) throws(ValueProblem) {
        let parts = text.parts(at: ":")
        let numbers = parts.compactMap { wholeNumber($0, as: Int.self) }
        guard (1...2).contains(parts.count), numbers.count == parts.count else {
            throw ValueProblem("\"\(text)\" is no pair of prefix lengths", hint: "write for example 32:64")
        }
        self.init(ipv4: numbers[0])
        if numbers.count == 2 { ipv6 = numbers[1] }
        if let contradiction { throw ValueProblem(contradiction) }
    }

    /// The text that is read back to an equal value.
    public var description: String { "\(ipv4):\(ipv6)" }

    var contradiction: String? {
        guard (0...32).contains(ipv4) else { return "the first length is within 0 to 32, and is \(ipv4)" }
        guard (0...128).contains(ipv6) else { return "the second length is within 0 to 128, and is \(ipv6)" }
        return nil
    }
}
