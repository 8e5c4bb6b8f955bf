/// The question of a DNS message, and the facts of its header that a rule needs (RFC 1035 §4.1).
///
/// Exactly one question is accepted: that is what resolvers send and answer, and a second one would pass a domain rule
/// unseen. Making one allocates its name; this is no part of the steady packet path.
public struct DNSQuestion: Equatable, Sendable {
    /// Bytes of a message's header.
    public static let headerLength = 12

    /// The name asked for: ASCII letters in lower case, labels joined by dots, no dot at the end; empty for the root.
    ///
    /// A dot or backslash inside a label is written with a backslash before it, a byte outside the printable ASCII
    /// characters as a backslash and three decimal digits (RFC 1035 §5.1), so two different names never look alike.
    public let name: String
    /// The type asked for: 1 is A, 28 is AAAA.
    public let type: UInt16
    /// The class asked for: 1 is the Internet.
    public let `class`: UInt16
    /// The message's identifier, which its answer repeats.
    public let identifier: UInt16
    /// True for an answer (the QR bit).
    public let isResponse: Bool
    /// The kind of query; 0 is the usual one.
    public let opcode: UInt8
    /// The outcome, in an answer; 0 is success.
    public let responseCode: UInt8
    /// Bytes of the question section.
    public let questionLength: Int

    /// Reads the header and the question; whatever follows the question is not looked at.
    ///
    /// - Parameter message: A DNS message without the length that TCP puts before it.
    /// - Throws: `.invalidDNSMessage` for a short message, any number of questions but one, and a name that is too long,
    ///   cut off, or compressed: there is nothing before the first name that a pointer could refer to.
    public init(parsing message: RawSpan) throws(RejectReason) {
        guard message.byteCount >= Self.headerLength, message.uint16(at: DNSField.questionCount) == 1 else {
            throw .invalidDNSMessage
        }
        let (name, end) = try Self.parseName(in: message, at: Self.headerLength)
        guard end + 4 <= message.byteCount else { throw .invalidDNSMessage }
        self.name = name
        self.type = message.uint16(at: end)
        self.class = message.uint16(at: end + 2)
        self.identifier = message.uint16(at: DNSField.identifier)
        self.isResponse = message.byte(at: DNSField.flags) & DNSField.isResponse != 0
        self.opcode = message.byte(at: DNSField.flags) >> 3 & 0x0f
        self.responseCode = message.byte(at: DNSField.responseCode) & 0x0f
        self.questionLength = end + 4 - Self.headerLength
    }

    /// Reads a name of at most 255 bytes, its length bytes included (RFC 1035 §3.1).
    private static func parseName(
        in message: RawSpan,
        at start: Int
    ) throws(RejectReason) -> (name: String, end: Int) {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        var offset = start
        while true {
            guard offset < message.byteCount else { throw .invalidDNSMessage }
            let length = Int(message.byte(at: offset))
            offset += 1
            if length == 0 { break }
            // The two high bits mark a pointer or an extended label.
            guard length <= 63, offset + length < message.byteCount, offset + length + 1 - start <= 255 else {
                throw .invalidDNSMessage
            }
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            for index in offset..<(offset + length) { append(message.byte(at: index), to: &text) }
            offset += length
        }
        return (String(decoding: text, as: UTF8.self), offset)
    }

    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): text.append(byte | 0x20)
        case UInt8(ascii: "."), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
        case 0x21...0x7e: text.append(byte)
        default:
            let digits = [byte / 100, byte / 10 % 10, byte % 10].map { UInt8(ascii: "0") + $0 }
            text.append(UInt8(ascii: "\\"))
            text += digits
        }
    }
}
