/// Answers that the tunnel gives in a resolver's place.
public enum DNSReply {
    /// Writes the answer "refused" (RCODE 5) to a query: its header and question, no records.
    ///
    /// - Parameters:
    ///   - query: A DNS message without the length that TCP puts before it.
    ///   - output: Where the answer goes, from the front.
    /// - Returns: Bytes written; 0 if `query` is no query with exactly one question, or `output` is too small.
    public static func refused(to query: RawSpan, into output: inout MutableRawSpan) -> Int {
        guard let question = try? DNSQuestion(parsing: query), !question.isResponse else { return 0 }
        let length = DNSQuestion.headerLength + question.questionLength
        guard output.byteCount >= length else { return 0 }
        output.copy(from: query.prefix(length), at: 0)
        // QR on, the query's opcode and "recursion desired" kept, the rest off (RFC 1035 §4.1.1).
        output.store(DNSField.isResponse | query.byte(at: DNSField.flags) & 0x79, at: DNSField.flags)
        output.store(0x05 as UInt8, at: DNSField.responseCode)
        output.store(1 as UInt16, at: DNSField.questionCount)
        output.store(0 as UInt16, at: DNSField.answerCount)
        output.store(0 as UInt32, at: DNSField.otherCounts)
        return length
    }
}
