internal import IPPacket

/// What a client asks over one TCP connection to port 53, where its names are judged.
///
/// Messages follow each other, each behind its length (RFC 1035 §4.2.2), cut into segments anywhere. Bytes go on as they
/// come; the segment that would complete a question which is not allowed does not, so the resolver never has one to
/// answer. The connection is over then: the client is answered REFUSED and the end of the stream, the resolver is sent a
/// reset, and nothing passes any more until a new connection begins. Answers under way to earlier questions are lost, as
/// they are whenever a server closes; clients ask again (RFC 7766 §6.2.4).
///
/// What was judged has to be what the resolver reads, whatever a client tries:
/// * the stream begins where the resolver's SYN-ACK says, and a connection whose SYN-ACK was not seen is ended;
/// * segments are taken in order, others wait (TCP sends them again), and data in a SYN waits likewise;
/// * what is sent again has to be the same bytes, until the resolver has acknowledged them;
/// * urgent data, which the resolver would read apart from the stream, ends the connection.
///
/// Owned by the client's loop. Holds at most `limit` bytes, and the front of one message.
final class DNSStream {
    /// What becomes of a segment from the client.
    enum Verdict: Equatable {
        case pass
        /// Not now; TCP sends it again.
        case wait
        /// The connection is over from here on.
        case end(RejectReason)
        /// The connection was over already.
        case isOver
    }

    /// Length, header, name, type and class: no question ends later.
    private static let longestFront = 2 + DNSQuestion.headerLength + 255 + 4

    private let limit: Int
    /// The number of the stream's first byte; nil before the SYN-ACK.
    private var start: UInt32?
    /// The SYN-ACK's own number, which the client cannot choose.
    private var answerStart: UInt32 = 0
    /// The number of the first byte that has not been seen.
    private var next: UInt32 = 0
    /// The bytes before `next` that the resolver has not acknowledged.
    private var unacknowledged: [UInt8] = []
    private var message = Message()
    private var isOver = false
    private var lastVerdict = Verdict.pass

    /// The message that a stream is in.
    private struct Message {
        /// Its first bytes, as far as they can belong to the question.
        var front: [UInt8] = []
        /// Bytes of it behind the front that are still to come.
        var rest = 0

        /// Bytes that the front has to have, as far as that is known.
        var frontLength: Int { front.count < 2 ? 2 : min(length, DNSStream.longestFront) }
        /// Bytes of all of it, once the first two are there.
        var length: Int { 2 + Int(front[0]) << 8 + Int(front[1]) }
        var isComplete: Bool { front.count >= 2 && front.count == frontLength && rest == 0 }
    }

    /// - Parameter limit: bytes that may wait to be acknowledged; no less than the payload of one packet, or it never passes.
    init(limit: Int) {
        self.limit = limit
    }

    /// The message that ended the connection, as far as its question; without the length.
    var refusedQuery: [UInt8] { Array(message.front.dropFirst(2)) }

    /// Where the resolver expects the next byte after what has passed; `sequence` where that is not known.
    func expectedSequence(otherwise sequence: UInt32) -> UInt32 { start == nil ? sequence : next }

    /// Takes note of a packet from the resolver. False if nothing of the connection may pass any more.
    func admitAnswer(flags: UInt8, sequence: UInt32, acknowledgement: UInt32) -> Bool {
        if flags & TCPFlags.syn != 0 {
            guard flags & TCPFlags.ack != 0 else { return !isOver }
            // The same one again; a new connection may begin where the client's last one did.
            if start == acknowledgement, answerStart == sequence { return !isOver }
            answerStart = sequence
            start = acknowledgement
            next = acknowledgement
            unacknowledged = []
            message = Message()
            isOver = false
        } else if flags & TCPFlags.ack != 0 {
            let count = Int(acknowledgement &- (next &- UInt32(unacknowledged.count)))
            if count <= unacknowledged.count { unacknowledged.removeFirst(count) }
        }
        return !isOver
    }

    /// The verdict of the last segment that was judged, once; `.pass` afterwards. For the code that acts on it.
    func takeVerdict() -> Verdict {
        defer { lastVerdict = .pass }
        return lastVerdict
    }

    /// Judges a segment from the client. What does not pass changes nothing but the end.
    func judge(_ payload: RawSpan, sequence: UInt32, flags: UInt8, allows: AllowedDomainChecker) -> Verdict {
        lastVerdict = verdict(payload, sequence: sequence, flags: flags, allows: allows)
        return lastVerdict
    }

    private func verdict(
        _ payload: RawSpan,
        sequence: UInt32,
        flags: UInt8,
        allows: AllowedDomainChecker
    ) -> Verdict {
        if flags & TCPFlags.rst != 0 { return .pass }
        if flags & TCPFlags.syn != 0 { return payload.byteCount == 0 ? .pass : .wait }
        if isOver { return .isOver }
        guard payload.byteCount > 0 else { return .pass }
        guard start != nil, flags & TCPFlags.urg == 0 else { return end(.invalidDNSMessage) }
        let seen = Int(Int32(bitPattern: next &- sequence))
        guard seen >= 0, repeatsWhatWasSent(payload, seen: seen) else { return .wait }
        guard seen < payload.byteCount else { return .pass }
        let new = payload.suffix(from: seen)
        guard unacknowledged.count + new.byteCount <= limit else { return .wait }
        var message = message
        do throws(RejectReason) {
            try Self.read(new, into: &message, allows: allows)
        } catch {
            self.message = message
            return end(error)
        }
        self.message = message
        next &+= UInt32(new.byteCount)
        for index in 0..<new.byteCount { unacknowledged.append(new.byte(at: index)) }
        return .pass
    }

    private func end(_ reason: RejectReason) -> Verdict {
        isOver = true
        unacknowledged = []
        return .end(reason)
    }

    /// Compares what the resolver may still read from this segment with what was judged.
    private func repeatsWhatWasSent(_ payload: RawSpan, seen: Int) -> Bool {
        let held = unacknowledged.count
        for index in max(0, seen - held)..<max(0, seen - held, min(seen, payload.byteCount))
        where payload.byte(at: index) != unacknowledged[held - seen + index] { return false }
        return true
    }

    private static func read(
        _ bytes: RawSpan,
        into message: inout Message,
        allows: AllowedDomainChecker
    ) throws(RejectReason) {
        var offset = 0
        while offset < bytes.byteCount {
            if message.isComplete { message = Message() }
            if message.front.count < message.frontLength {
                message.front.append(bytes.byte(at: offset))
                offset += 1
                if message.front.count >= 2, message.front.count == message.frontLength {
                    let question = try unsafe DNSQuestion(parsing: message.front.span.bytes.suffix(from: 2))
                    guard allows(question.name) else { throw .disallowedDomain }
                    message.rest = message.length - message.frontLength
                }
            } else {
                let skipped = min(message.rest, bytes.byteCount - offset)
                message.rest -= skipped
                offset += skipped
            }
        }
    }
}
