/// The options of a TCP header, one after the other (RFC 9293 §3.1).
///
/// Ends at the end of the list, and before what is broken in it.
struct TCPOptions: ~Escapable {
    /// The kinds that the tunnel looks for.
    enum Kind {
        static let end: UInt8 = 0
        static let padding: UInt8 = 1
        static let maximumSegmentSize: UInt8 = 2
        static let timestamps: UInt8 = 8
    }

    /// One option other than padding.
    struct Option {
        let kind: UInt8
        /// Where its value stands, from the start of the span that the options were taken from.
        let valueOffset: Int
        /// Bytes of the value: without kind and length.
        let valueLength: Int
    }

    private let bytes: RawSpan
    private var offset: Int

    /// The options in `bytes` from `offset` on, to its end.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, from offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// The next option; nil at the end.
    @_lifetime(self: copy self)
    mutating func next() -> Option? {
        while offset < bytes.byteCount {
            let kind = bytes.byte(at: offset)
            guard kind != Kind.end else { return nil }
            guard kind != Kind.padding else {
                offset += 1
                continue
            }
            guard offset + 1 < bytes.byteCount else { return nil }
            let length = Int(bytes.byte(at: offset + 1))
            guard length >= 2, offset + length <= bytes.byteCount else { return nil }
            defer { offset += length }
            return Option(kind: kind, valueOffset: offset + 2, valueLength: length - 2)
        }
        return nil
    }
}
