/// Where the fields of a DNS header stand (RFC 1035 §4.1.1), in bytes from its start.
public enum DNSField {
    /// What an answer repeats, 16 bits.
    @inlinable public static var identifier: Int { 0 }
    /// Whether it is an answer, and the kind of query.
    @inlinable public static var flags: Int { 2 }
    /// The outcome, in the lower four bits.
    @inlinable public static var responseCode: Int { 3 }
    /// The number of questions, 16 bits.
    @inlinable public static var questionCount: Int { 4 }
    /// The number of answers, 16 bits.
    @inlinable public static var answerCount: Int { 6 }
    /// The numbers of authorities and of additional records, 16 bits each.
    @inlinable public static var otherCounts: Int { 8 }
    /// The bit of `flags` that an answer has.
    @inlinable public static var isResponse: UInt8 { 0x80 }
}
