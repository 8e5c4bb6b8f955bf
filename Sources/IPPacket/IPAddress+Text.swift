extension IPAddress {
    /// The address that `text` writes, strictly.
    ///
    /// IPv4: four decimal numbers without leading zeros, which some readers take for octal. IPv6: the forms of RFC 4291 §2.2,
    /// `::` and an IPv4 tail included, without a zone.
    ///
    /// - Returns: nil for anything else, and for an IPv6 text of a mapped IPv4 address (`::ffff:…`): one address has one
    ///   spelling here, and rules about IPv4 must not be written in a way that no packet can match.
    public init?(_ text: some StringProtocol) {
        var reader = AddressReader(text)
        if reader.bytes.contains(UInt8(ascii: ":")) {
            guard let bits = reader.readIPv6(), reader.isAtEnd, !IPAddress(bits: bits).isIPv4 else { return nil }
            self.init(bits: bits)
        } else {
            guard let ipv4 = reader.readIPv4(), reader.isAtEnd else { return nil }
            self.init(ipv4: ipv4)
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal for IPv4, the form of RFC 5952 for IPv6.
    public var description: String {
        if isIPv4 {
            return "\(ipv4 >> 24).\(ipv4 >> 16 & 0xff).\(ipv4 >> 8 & 0xff).\(ipv4 & 0xff)"
        }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - $0 * 16)) }
        let gap = Self.longestRunOfZeros(in: groups)
        let head = groups[..<gap.lowerBound].map { String($0, radix: 16) }.joined(separator: ":")
        guard !gap.isEmpty else { return head }
        let tail = groups[gap.upperBound...].map { String($0, radix: 16) }.joined(separator: ":")
        return head + "::" + tail
    }

    /// The groups that `::` stands for: the first of the longest runs of at least two (RFC 5952 §4.2); empty at the end
    /// if there is none.
    private static func longestRunOfZeros(in groups: [UInt16]) -> Range<Int> {
        var best = groups.count..<groups.count
        var start = 0
        while start < groups.count {
            let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
            if end - start >= 2 && end - start > best.count { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}

extension IPPrefix: CustomStringConvertible {
    /// The prefix that `text` writes: an address, a slash and a decimal length, or an address alone for itself.
    ///
    /// Bits below the length may be set and are ignored. nil for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        let longest = address.isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            self.init(address, length: longest)
            return
        }
        var reader = AddressReader(parts[1])
        guard let length = reader.readDecimal(maximum: longest), reader.isAtEnd else { return nil }
        self.init(address, length: length)
    }

    /// The network and its length, as in `192.0.2.0/24`.
    public var description: String { "\(network)/\(length)" }
}

/// Reads the parts of an address from the front of a text.
private struct AddressReader {
    let bytes: [UInt8]
    private var offset = 0

    init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { offset == bytes.count }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skip(_ separator: Character) -> Bool {
        guard next == separator.asciiValue else { return false }
        offset += 1
        return true
    }

    /// A decimal number without leading zeros, at most `maximum`.
    mutating func readDecimal(maximum: Int) -> Int? {
        let start = offset
        var value = 0
        while let digit = next.flatMap({ Self.value(of: $0, radix: 10) }) {
            value = value * 10 + digit
            offset += 1
            guard value <= maximum else { return nil }
        }
        let isPadded = offset - start > 1 && bytes[start] == UInt8(ascii: "0")
        return offset == start || isPadded ? nil : value
    }

    mutating func readIPv4() -> UInt32? {
        var address: UInt32 = 0
        for index in 0..<4 {
            guard index == 0 || skip("."), let part = readDecimal(maximum: 255) else { return nil }
            address = address << 8 | UInt32(part)
        }
        return address
    }

    mutating func readIPv6() -> UInt128? {
        guard let head = readGroups() else { return nil }
        guard !isAtEnd else { return head.count == 8 ? Self.join(head) : nil }
        guard skip(":"), skip(":"), let tail = readGroups(), isAtEnd else { return nil }
        // "::" stands for at least one group (RFC 5952 §4.2.2 only discourages exactly one).
        guard head.count + tail.count <= 7 else { return nil }
        return Self.join(head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    /// Groups up to the end or to a double colon, the last two perhaps as IPv4; nil for a malformed one.
    private mutating func readGroups() -> [UInt16]? {
        var groups: [UInt16] = []
        while next.flatMap({ Self.value(of: $0, radix: 16) }) != nil {
            let start = offset
            guard let group = readGroup() else { return nil }
            if next == UInt8(ascii: ".") {
                offset = start
                guard let tail = readIPv4(), isAtEnd else { return nil }
                return groups + [UInt16(tail >> 16), UInt16(tail & 0xffff)]
            }
            groups.append(group)
            guard groups.count <= 8 else { return nil }
            let isBeforeGap = offset + 1 < bytes.count && bytes[offset + 1] == UInt8(ascii: ":")
            guard next == UInt8(ascii: ":"), !isBeforeGap else { break }
            offset += 1
            guard next.flatMap({ Self.value(of: $0, radix: 16) }) != nil else { return nil }
        }
        return groups
    }

    private mutating func readGroup() -> UInt16? {
        let start = offset
        var value: UInt16 = 0
        while let digit = next.flatMap({ Self.value(of: $0, radix: 16) }) {
            guard offset - start < 4 else { return nil }
            value = value << 4 | UInt16(digit)
            offset += 1
        }
        return value
    }

    private static func join(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }

    private static func value(of byte: UInt8, radix: UInt8) -> Int? {
        let value: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = byte - UInt8(ascii: "A") + 10
        default: return nil
        }
        return value < radix ? Int(value) : nil
    }
}
