import IPPacket
import PacketTunnelTestKit

/// Any bytes as a DNS message: a question that is accepted is answered with a message that repeats it.
func fuzzDNS(_ input: Input) -> Int32 {
    var input = input
    let version: IPVersion = input.byte() & 1 == 0 ? .v4 : .v6
    let message = input.rest()
    let question = withExactMemory(message) { memory in
        try? DNSQuestion(parsing: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(memory)))
    }
    guard let question else { return 0 }
    check(question.name.utf8.count <= 4 * 255, "names are limited")
    check(question.name == question.name.lowercased(), "names are in lower case")
    guard !question.isResponse, message.count <= 1_400 else { return 0 }
    answer(message, question, version)
    return 0
}

private func answer(_ message: [UInt8], _ question: DNSQuestion, _ version: IPVersion) {
    let packet = PacketBuilder.udp(
        source: version == .v4 ? IPAddress(ipv4: 0xc0a8_0001) : IPAddress(bits: 0xfd00 << 112 | 1),
        destination: version == .v4 ? IPAddress(ipv4: 0x0a00_0002) : IPAddress(bits: 0xfd00 << 112 | 2),
        destinationPort: 53,
        payload: message
    )
    guard let summary = try? PacketSummary(validating: packet.span.bytes) else { return check(false, "a packet") }
    withExactMemory([UInt8](repeating: 0xaa, count: packet.count)) { memory in
        var output = MutableRawSpan(_unsafeBytes: memory)
        let length = DNSReply.refusedPacket(to: packet.span.bytes, summary: summary, into: &output)
        check(length > summary.headerLength, "a query is answered")
        let answer = Array(memory[..<length])
        check(PacketBuilder.checksumsAreValid(answer), "the answer's checksums are right")
        guard let parsed = try? PacketSummary(validating: answer.span.bytes),
            let repeated = try? DNSQuestion(parsing: answer.span.bytes.suffix(from: parsed.headerLength))
        else { return check(false, "the answer can be parsed") }
        check(parsed.source == summary.destination && parsed.destinationPort == summary.sourcePort, "ends exchanged")
        check(repeated.isResponse && repeated.responseCode == 5, "refused")
        check(repeated.name == question.name && repeated.identifier == question.identifier, "the same question")
    }
}
