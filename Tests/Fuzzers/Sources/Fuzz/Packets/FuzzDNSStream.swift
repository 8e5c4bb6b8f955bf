import IPPacket

@testable import PacketTunnel

/// A client that does its worst with a TCP connection to a resolver: segments in any order, twice, with other bytes, lost on
/// their way, and connections that begin anew. Whatever the resolver can read of what passed is a question that is allowed.
func fuzzDNSStream(_ input: Input) -> Int32 {
    var input = input
    let start = UInt32(truncatingIfNeeded: Int(input.byte()) - 128)
    var connection = Connection(start: start, keepsFirst: input.byte() & 1 != 0)
    let text = text(of: &input)
    while !input.bytes.isEmpty { connection.take(&input, text) }
    return 0
}

/// What the client has to say: questions for two names, and whatever else.
private func text(of input: inout Input) -> [UInt8] {
    (0..<Int(input.byte() % 8)).flatMap { _ -> [UInt8] in
        switch input.byte() % 4 {
        case 0, 1: question("ok")
        case 2: question("no")
        default: input.take(Int(input.byte()))
        }
    }
}

private func question(_ name: String) -> [UInt8] {
    let message = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, UInt8(name.utf8.count)] + name.utf8 + [0, 0, 1, 0, 1]
    return [0, UInt8(message.count)] + message
}

private struct Connection {
    private let stream = DNSStream(limit: 300)
    private let keepsFirst: Bool
    private var start: UInt32
    private var answerStart: UInt32 = 7
    private var resolver = Resolver()

    init(start: UInt32, keepsFirst: Bool) {
        self.start = start
        self.keepsFirst = keepsFirst
        answerSYN()
    }

    /// One event: a segment from the client, or one from the resolver.
    mutating func take(_ input: inout Input, _ text: [UInt8]) {
        let kind = input.byte()
        switch kind & 7 {
        case 0:
            start &+= UInt32(input.byte())
            answerStart &+= 1
            resolver = Resolver()
            answerSYN()
        case 1: answerSYN()
        case 2:
            resolver.acknowledge()
            let stale = kind & 0x80 != 0 ? Int(input.byte()) : 0
            answer(TCPFlags.ack, acknowledging: max(0, resolver.acknowledgedCount - stale))
        default: send(&input, text, flags: flags(kind), isLost: kind & 0x80 != 0)
        }
        resolver.readAll()
    }

    private func flags(_ kind: UInt8) -> UInt8 {
        switch kind >> 3 & 15 {
        case 0: TCPFlags.syn
        case 1: TCPFlags.rst
        case 2: TCPFlags.ack | TCPFlags.urg
        case 3: TCPFlags.ack | TCPFlags.fin
        default: TCPFlags.ack
        }
    }

    private mutating func send(_ input: inout Input, _ text: [UInt8], flags: UInt8, isLost: Bool) {
        let offset = input.number() % (text.count + 40)
        var payload = Array(text.dropFirst(offset).prefix(Int(input.byte())))
        let change = input.byte()
        if change != 0, !payload.isEmpty { payload[Int(input.byte()) % payload.count] ^= change }
        let verdict = withExactMemory(payload) { memory in
            stream.judge(
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory)),
                sequence: start &+ UInt32(offset),
                flags: flags
            ) { $0 != "no" }
        }
        guard verdict == .pass, !isLost, flags & (TCPFlags.syn | TCPFlags.rst) == 0 else { return }
        check(flags & TCPFlags.urg == 0 || payload.isEmpty, "urgent data does not pass")
        resolver.receive(payload, at: offset, keepsFirst: keepsFirst)
    }

    private func answerSYN() { answer(TCPFlags.syn | TCPFlags.ack, acknowledging: 0) }

    private func answer(_ flags: UInt8, acknowledging count: Int) {
        let sequence = flags & TCPFlags.syn != 0 ? answerStart : answerStart &+ 1
        _ = stream.admitAnswer(flags: flags, sequence: sequence, acknowledgement: start &+ UInt32(count))
    }
}

/// The other end of the connection: of bytes that came twice it may keep either, as long as it has not acknowledged them.
private struct Resolver {
    private var received: [UInt8?] = []
    private(set) var acknowledgedCount = 0

    mutating func receive(_ payload: [UInt8], at offset: Int, keepsFirst: Bool) {
        while received.count < offset + payload.count { received.append(nil) }
        for (index, byte) in payload.enumerated() where offset + index >= acknowledgedCount {
            if !keepsFirst || received[offset + index] == nil { received[offset + index] = byte }
        }
    }

    mutating func acknowledge() {
        acknowledgedCount = received.firstIndex(of: nil) ?? received.count
    }

    func readAll() {
        var rest = received.prefix { $0 != nil }.compactMap(\.self)[...]
        while rest.count >= 2 {
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            guard rest.count >= 2 + length else { return }
            let message = Array(rest.dropFirst(2).prefix(length))
            guard let question = try? DNSQuestion(parsing: message.span.bytes) else {
                return check(false, "a message with one question")
            }
            check(question.name != "no", "a question that is allowed")
            rest = rest.dropFirst(2 + length)
        }
    }
}
