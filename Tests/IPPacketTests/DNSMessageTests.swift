import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct DNSMessageTests {
    private static let query = annotated(
        """
        12 34 01 00                   | identifier, "recursion desired"
        00 01 00 00 00 00 00 00       | one question, no records
        03 77 77 77                   | "www"
        07 65 78 61 6d 70 6c 65       | "example"
        03 63 6f 6d 00                | "com", root
        00 1c 00 01                   | AAAA, Internet
        """
    )

    @Test("reads the question and the header of a query")
    func reads() throws {
        let question = try parsed(Self.query)
        #expect(question.name == "www.example.com")
        #expect(question.type == 28 && question.class == 1)
        #expect(question.identifier == 0x1234)
        #expect(!question.isResponse && question.opcode == 0 && question.responseCode == 0)
        #expect(question.questionLength == 21)
    }

    @Test("reads the question of an answer, and its outcome")
    func readsResponses() throws {
        var answer = Self.query + [0xc0, 0x0c, 0, 28, 0, 1, 0, 0, 0, 60, 0, 0]
        answer.replaceSubrange(2..<4, with: [0x81, 0x83])
        answer[7] = 1
        let question = try parsed(answer)
        #expect(question.isResponse && question.responseCode == 3)
        #expect(question.name == "www.example.com" && question.questionLength == 21)
    }

    @Test("writes names in lower case and without a dot at the end")
    func lowerCase() throws {
        #expect(try parsed(message(["WwW", "ExAmPlE", "COM"])).name == "www.example.com")
        #expect(try parsed(message(["com"])).name == "com")
        #expect(try parsed(message([])).name == "")
    }

    @Test("keeps names apart that differ in a dot inside a label, or in bytes that are no letters")
    func escapes() throws {
        #expect(try parsed(message(["a.b", "com"])).name == #"a\.b.com"#)
        #expect(try parsed(message([#"a\b"#])).name == #"a\\b"#)
        #expect(try parsed(message(["a b", "é"])).name == #"a\032b.\195\169"#)
        #expect(try parsed(message(["a\0"])).name == #"a\000"#)
        #expect(try parsed(message(["_dmarc", "xn--bcher-kva"])).name == "_dmarc.xn--bcher-kva")
    }

    @Test("refuses no question, and two", arguments: [0, 2, 0x0100] as [UInt16])
    func refusesOtherCounts(_ count: UInt16) {
        var query = Self.query + Self.query[12...]
        query.replaceSubrange(4..<6, with: [UInt8(count >> 8), UInt8(count & 0xff)])
        #expect(throws: RejectReason.invalidDNSMessage) { try parsed(query) }
    }

    @Test("refuses a query cut off anywhere")
    func refusesTruncated() {
        for length in 0..<Self.query.count {
            #expect(throws: RejectReason.invalidDNSMessage, "\(length) bytes") {
                try parsed(Array(Self.query[..<length]))
            }
        }
    }

    @Test(
        "refuses compressed names and labels of unknown kinds",
        arguments: [
            "c0 0c             | a pointer to itself",
            "03 77 77 77 c0 0c | a loop over a label",
            "c0 00             | into the header",
            "c0 ff             | beyond the end",
            "41 00             | an extended label (RFC 6891)",
            "80 00             | a kind never given a meaning",
        ]
    )
    func refusesPointers(_ name: String) {
        let header = Array(Self.query[..<12])
        let query = header + annotated(name) + [0, 1, 0, 1, 0, 0, 0, 0]
        #expect(throws: RejectReason.invalidDNSMessage) { try parsed(query) }
    }

    @Test("accepts a name of 255 bytes and refuses one of 256")
    func limitsLength() throws {
        let long = String(repeating: "a", count: 63)
        let fits = [long, long, long, String(repeating: "b", count: 61)]
        #expect(try parsed(message(fits)).name == fits.joined(separator: "."))
        let tooLong = [long, long, long, String(repeating: "b", count: 62)]
        #expect(throws: RejectReason.invalidDNSMessage) { try parsed(message(tooLong)) }
        #expect(throws: RejectReason.invalidDNSMessage) {
            try parsed(message([String](repeating: "a", count: 128)))
        }
    }

    @Test("never reads outside of random bytes")
    func survivesNoise() {
        var random = SeededGenerator(seed: 40)
        for _ in 0..<20_000 {
            var noise = random.bytes(Int.random(in: 0...40, using: &random))
            if noise.count > 6 { noise.replaceSubrange(4..<6, with: [0, 1]) }
            for index in noise.indices.dropFirst(12) where Bool.random(using: &random) { noise[index] &= 7 }
            guard let question = try? parsed(noise) else { continue }
            #expect(question.questionLength + 12 <= noise.count)
        }
    }

    @Test("answers a query with REFUSED, its identifier and its question")
    func refuses() throws {
        // What follows the question, here an EDNS record, is not repeated.
        var query = Self.query + [0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]
        query[11] = 1
        query[3] = 0x30
        var output = [UInt8](repeating: 0xee, count: 64)
        let length = edit(&output) { DNSReply.refused(to: query.span.bytes, into: &$0) }
        var expected = Self.query
        expected.replaceSubrange(2..<4, with: [0x81, 0x05])
        #expect(Array(output[..<length]) == expected)
        #expect(output[length...].allSatisfy { $0 == 0xee })
        let question = try parsed(Array(output[..<length]))
        #expect(question.isResponse && question.responseCode == 5)
    }

    @Test("does not answer an answer, a broken query, or into too little room")
    func doesNotAnswer() {
        var answer = Self.query
        answer[2] |= 0x80
        for (message, room) in [(answer, 64), (Array(Self.query.dropLast()), 64), (Self.query, Self.query.count - 1)] {
            var output = [UInt8](repeating: 0xee, count: room)
            let length = edit(&output) { DNSReply.refused(to: message.span.bytes, into: &$0) }
            #expect(length == 0)
            #expect(output.allSatisfy { $0 == 0xee })
        }
    }

    private func parsed(_ message: [UInt8]) throws(RejectReason) -> DNSQuestion {
        try DNSQuestion(parsing: message.span.bytes)
    }

    private func message(_ labels: [String]) -> [UInt8] {
        let name: [UInt8] = labels.flatMap { label -> [UInt8] in [UInt8(label.utf8.count)] + Array(label.utf8) } + [0]
        return Array(Self.query[..<12]) + name + [0, 1, 0, 1]
    }
}
