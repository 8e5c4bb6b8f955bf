/// Takes numbers and strings of SSH's wire format (RFC 4251 §5) from the front of some bytes.
struct WireReader {
    /// What has not been taken.
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func takeUInt32() -> UInt32? { take(4).map { $0.reduce(0) { $0 << 8 | UInt32($1) } } }

    mutating func takeString() -> ArraySlice<UInt8>? {
        var next = self
        guard let length = next.takeUInt32(), let string = next.take(Int(length)) else { return nil }
        self = next
        return string
    }
}
