internal import IPPacket
internal import OpenSSHSyntax

extension ValueSyntax where Value == Bool {
    /// `yes` or `no`, as in sshd.
    static var yesNo: ValueSyntax {
        .word("yes|no", text: { $0 ? "yes" : "no" }) { (text) throws(ValueProblem) in
            switch text.lowercased() {
            case "yes", "true": return true
            case "no", "false": return false
            default: throw ValueProblem("\"\(text)\" is neither yes nor no")
            }
        }
    }
}

extension ValueSyntax where Value: FixedWidthInteger & Sendable {
    /// A whole number of a range.
    static func number(_ range: ClosedRange<Value>, _ synopsis: String) -> ValueSyntax {
        .word(synopsis, text: { "\($0)" }) { (text) throws(ValueProblem) in
            guard let number = wholeNumber(text, as: Value.self), range.contains(number) else {
                throw ValueProblem("\"\(text)\" is not a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }
}

extension ValueSyntax where Value: Comparable & Sendable {
    private static func within(
        _ range: ClosedRange<Value>,
        _ synopsis: String,
        _ write: @escaping @Sendable (Value) -> String,
        _ parse: @escaping @Sendable (String) throws(ValueProblem) -> Value
    ) -> ValueSyntax {
        .word(synopsis, text: write) { (text) throws(ValueProblem) in
            let value = try parse(text)
            guard range.contains(value) else {
                throw ValueProblem("\(text) is not within \(write(range.lowerBound)) to \(write(range.upperBound))")
            }
            return value
        }
    }
}

extension ValueSyntax where Value == Duration {
    /// A time of a range.
    static func time(_ range: ClosedRange<Duration>) -> ValueSyntax {
        within(range, "TIME", TimeSpan.text) { (text) throws(ValueProblem) in try TimeSpan.parse(text) }
    }
}

extension ValueSyntax where Value == UInt64 {
    /// A size of a range.
    static func bytes(_ range: ClosedRange<UInt64>) -> ValueSyntax {
        within(range, "BYTES", ByteCount.text) { (text) throws(ValueProblem) in try ByteCount.parse(text) }
    }
}

extension ValueSyntax where Value == String {
    /// A file that does not depend on where the daemon was started.
    static var absolutePath: ValueSyntax {
        .word("PATH", text: quoted) { (text) throws(ValueProblem) in
            guard text.begins(with: "/") else {
                throw ValueProblem("\"\(text)\" is not an absolute path", hint: "begin it with /")
            }
            return text
        }
    }

    /// A file, perhaps relative to a directory that the manual names.
    static var path: ValueSyntax {
        .word("PATH", text: quoted) { (text) throws(ValueProblem) in
            guard !text.isEmpty else { throw ValueProblem("the path is empty") }
            return text
        }
    }

    /// The name of a network interface.
    static var interface: ValueSyntax {
        .word("NAME", text: quoted) { (text) throws(ValueProblem) in
            if let reason = InterfaceName.problem(text) { throw ValueProblem(reason) }
            return text
        }
    }
}

extension ValueSyntax where Value == IPAddress {
    /// An address of either family.
    static var address: ValueSyntax {
        .word("ADDRESS", text: { "\($0)" }) { (text) throws(ValueProblem) in
            guard let address = IPAddress(text) else {
                throw ValueProblem("\"\(text)\" is not an IP address", hint: "names are not looked up")
            }
            return address
        }
    }
}

extension ValueSyntax where Value == IPPrefix {
    /// A prefix of either family.
    static var anyPrefix: ValueSyntax {
        .word("PREFIX", text: { "\($0)" }) { (text) throws(ValueProblem) in try PrefixText.parse(text) }
    }

    /// A prefix of one family, with a length of a range.
    static func prefix(isIPv4: Bool, lengths: ClosedRange<Int>) -> ValueSyntax {
        .word("PREFIX", text: { "\($0)" }) { (text) throws(ValueProblem) in
            let prefix = try PrefixText.parse(text)
            guard prefix.network.isIPv4 == isIPv4 else {
                throw ValueProblem("\(text) is not an \(isIPv4 ? "IPv4" : "IPv6") prefix")
            }
            guard lengths.contains(prefix.length) else {
                throw ValueProblem(
                    "the prefix length of \(text) is not within /\(lengths.lowerBound) to /\(lengths.upperBound)"
                )
            }
            return prefix
        }
    }
}

extension ValueSyntax where Value == [String] {
    /// A list of SSH algorithms.
    static func algorithms(_ kind: AlgorithmKind) -> ValueSyntax {
        .commaList("[+-^]NAME,...", text: { $0.joined(separator: ",") }) { (text) throws(ValueProblem) in
            try kind.parse(text)
        }
    }
}

extension ValueSyntax where Value == RekeyLimit {
    /// `BYTES|default [TIME|none]`, two words as in sshd.
    static var rekeyLimit: ValueSyntax {
        ValueSyntax(
            synopsis: "BYTES|default [TIME|none]",
            parse: { (words) throws(WordProblem) in
                // Below 1 MiB a tunnel would do little else; sshd's own floor is a few bytes, for its tests.
                let bytes = ValueSyntax<UInt64>.bytes(1 << 20...1 << 40).optional(nilWord: "default")
                let time = ValueSyntax<Duration>.time(.seconds(60)...(.seconds(86_400 * 30))).optional(nilWord: "none")
                guard words.count <= 2 else {
                    throw WordProblem("takes a size and a time, and the line has more", column: words[2].column)
                }
                return RekeyLimit(
                    bytes: try bytes.parse([words[0]]),
                    interval: words.count == 2 ? try time.parse([words[1]]) : nil
                )
            },
            text: { $0.description }
        )
    }
}

/// Names that Linux gives to network interfaces.
public enum InterfaceName {
    /// Why a text cannot be such a name, by the rules of the kernel's `dev_valid_name`; nil if it can.
    public static func problem(_ name: String) -> String? {
        guard (1...15).contains(name.utf8.count) else { return "\"\(name)\" is not 1 to 15 bytes long" }
        let isValid =
            name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
        return isValid ? nil : "\"\(name)\" is not the name of an interface"
    }
}
