import IPPacket
import Testing

@testable import PacketTunnel

@Suite("Names asked for over one TCP connection")
struct DNSStreamTests {
    private static let start: UInt32 = 0xffff_fff0
    private static let allowed = framed(Sample.query("open.example"))
    private static let denied = framed(Sample.query("secret.example", identifier: 0x4321))

    private static func framed(_ message: [UInt8]) -> [UInt8] {
        [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
    }

    /// The client's end of a connection, and the resolver's as far as it matters.
    private struct Peer {
        let stream = DNSStream(limit: 16_384)
        var asked: [String] { names.values }
        private let names = Names()

        final class Names: @unchecked Sendable {
            var values: [String] = []
        }

        init(start: UInt32? = DNSStreamTests.start) {
            if let start { _ = begin(start) }
        }

        /// Sends bytes that begin `offset` bytes after the start of the stream.
        func send(_ bytes: [UInt8], at offset: Int, flags: UInt8 = TCPFlags.ack) -> DNSStream.Verdict {
            let sequence = DNSStreamTests.start &+ UInt32(truncatingIfNeeded: offset)
            return stream.judge(bytes.span.bytes, sequence: sequence, flags: flags) { [names] in
                names.values.append($0)
                return $0 != "secret.example"
            }
        }

        /// The resolver's SYN-ACK, with a number of its own.
        func begin(_ start: UInt32, answer: UInt32 = 77) -> Bool {
            stream.admitAnswer(flags: TCPFlags.syn | TCPFlags.ack, sequence: answer, acknowledgement: start)
        }

        func acknowledge(_ offset: Int) -> Bool {
            stream.admitAnswer(
                flags: TCPFlags.ack,
                sequence: 78,
                acknowledgement: DNSStreamTests.start &+ UInt32(offset)
            )
        }
    }

    @Test("a denied name ends the connection and an allowed one passes, wherever the message is cut")
    func cutAnywhere() {
        for cut in 1..<Self.denied.count {
            let peer = Peer()
            #expect(peer.send(Array(Self.denied[..<cut]), at: 0) == .pass)
            #expect(peer.send(Array(Self.denied[cut...]), at: cut) == .end(.disallowedDomain))
            #expect(peer.stream.refusedQuery == Array(Self.denied[2...]))
        }
        for cut in 1..<Self.allowed.count {
            let peer = Peer()
            #expect(peer.send(Array(Self.allowed[..<cut]), at: 0) == .pass)
            #expect(peer.send(Array(Self.allowed[cut...]), at: cut) == .pass)
            #expect(peer.asked == ["open.example"])
        }
    }

    @Test("every byte may come in a segment of its own")
    func byteByByte() {
        let peer = Peer()
        let bytes = Self.allowed + Self.denied
        for (offset, byte) in bytes.dropLast().enumerated() { #expect(peer.send([byte], at: offset) == .pass) }
        #expect(peer.send([bytes[bytes.count - 1]], at: bytes.count - 1) == .end(.disallowedDomain))
        #expect(peer.asked == ["open.example", "secret.example"])
    }

    @Test("the second query of a connection is judged as the first, in the same segment and cut anywhere")
    func secondQuery() {
        let both = Self.allowed + Self.denied
        #expect(Peer().send(both, at: 0) == .end(.disallowedDomain))
        for cut in Self.allowed.count..<both.count {
            let peer = Peer()
            #expect(peer.send(Array(both[..<cut]), at: 0) == .pass)
            #expect(peer.send(Array(both[cut...]), at: cut) == .end(.disallowedDomain))
        }
        let peer = Peer()
        #expect(peer.send(Self.allowed + Self.allowed, at: 0) == .pass)
        #expect(peer.asked == ["open.example", "open.example"])
    }

    @Test("what follows the longest question is skipped by length, and the next message is found")
    func skipsTheRest() {
        let long = Self.framed(Sample.query("open.example") + patternBytes(1_000))
        let bytes = long + long + Self.denied
        for size in [1, 7, 272, 273, 274, 1_500] {
            let peer = Peer()
            var offset = 0
            var last = DNSStream.Verdict.pass
            while offset < bytes.count {
                let piece = Array(bytes[offset..<min(offset + size, bytes.count)])
                last = peer.send(piece, at: offset)
                offset += piece.count
                if offset < bytes.count { #expect(last == .pass) }
                _ = peer.acknowledge(offset)
            }
            #expect(last == .end(.disallowedDomain), "pieces of \(size) bytes")
            #expect(peer.asked == ["open.example", "open.example", "secret.example"])
        }
    }

    @Test("upper case and a long name are judged in their one form")
    func normalForm() {
        #expect(Peer().send(Self.framed(Sample.query("SeCrEt.EXAMPLE")), at: 0) == .end(.disallowedDomain))
        // The root label ends every name, so a trailing dot of the user's never shows in a message.
        #expect(Peer().send(Self.framed(Sample.query("secret.example.")), at: 0) == .end(.disallowedDomain))
        let peer = Peer()
        let longest = (0..<4).map { String(repeating: "x", count: $0 == 3 ? 61 : 63) }.joined(separator: ".")
        #expect(peer.send(Self.framed(Sample.query(longest)), at: 0) == .pass)
        #expect(peer.asked == [longest])
    }

    @Test("what is no query with one question ends the connection", arguments: [0, 2, 0xffff])
    func questionCount(_ count: Int) {
        var message = Sample.query("open.example")
        (message[4], message[5]) = (UInt8(count >> 8), UInt8(count & 0xff))
        #expect(Peer().send(Self.framed(message), at: 0) == .end(.invalidDNSMessage))
    }

    @Test("compressed names, loops of them, and messages that are too short end the connection")
    func malformed() {
        let header: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        let broken: [[UInt8]] = [
            [], [0], Array(header.dropLast()), header, header + [0xc0, 12, 0, 1, 0, 1],
            header + [1, 0x61, 0xc0, 12, 0, 1, 0, 1], header + [0x40, 0, 0, 1, 0, 1],
            header + [63, 0x61, 0, 0, 1, 0, 1],
            header + [0, 0, 1, 0],
        ]
        for message in broken {
            let peer = Peer()
            #expect(peer.send(Self.framed(message), at: 0) == .end(.invalidDNSMessage), "\(message)")
            #expect(peer.asked.isEmpty)
        }
    }

    @Test("a segment out of order waits until the gap is filled")
    func outOfOrder() {
        let peer = Peer()
        #expect(peer.send(Array(Self.denied[10...]), at: 10) == .wait)
        #expect(peer.send(Array(Self.denied[..<10]), at: 0) == .pass)
        #expect(peer.send(Array(Self.denied[10...]), at: 10) == .end(.disallowedDomain))
    }

    @Test("the same bytes may be sent again, alone and with what follows; they are not judged twice")
    func retransmission() {
        let peer = Peer()
        #expect(peer.send(Self.allowed, at: 0) == .pass)
        #expect(peer.send(Self.allowed, at: 0) == .pass)
        #expect(peer.send(Array(Self.allowed[5..<9]), at: 5) == .pass)
        #expect(peer.asked == ["open.example"])
        #expect(peer.send(Array(Self.allowed[8...]) + Self.denied, at: 8) == .end(.disallowedDomain))
    }

    @Test("other bytes in the place of unacknowledged ones do not pass; acknowledged ones do not matter")
    func replacement() {
        let peer = Peer()
        let other = Self.framed(Sample.query("evil.example"))
        #expect(other.count == Self.allowed.count)
        #expect(peer.send(Self.allowed, at: 0) == .pass)
        for cut in 2..<other.count where other[cut...] != Self.allowed[cut...] {
            #expect(peer.send(Array(other[cut...]), at: cut) == .wait)
        }
        #expect(peer.send(other + Self.allowed, at: 0) == .wait)
        #expect(peer.acknowledge(Self.allowed.count))
        #expect(peer.send([0], at: Self.allowed.count - 1) == .pass)
        #expect(peer.send(Self.allowed, at: Self.allowed.count) == .pass)
        #expect(peer.asked == ["open.example", "open.example"])
    }

    @Test("what waits to be acknowledged is limited, and acknowledging makes room")
    func limit() {
        let peer = Peer()
        let long = Self.framed(Sample.query("open.example") + patternBytes(65_000))
        #expect(peer.send(Array(long[..<16_384]), at: 0) == .pass)
        #expect(peer.send(Array(long[16_384..<16_385]), at: 16_384) == .wait)
        // Neither what lies before the window nor what lies behind it acknowledges anything.
        #expect(peer.acknowledge(-1 & 0xffff) && peer.acknowledge(16_385))
        #expect(peer.send(Array(long[16_384..<16_385]), at: 16_384) == .wait)
        #expect(peer.acknowledge(100))
        #expect(peer.send(Array(long[16_384..<16_484]), at: 16_384) == .pass)
        #expect(peer.send(Array(long[16_484..<16_485]), at: 16_484) == .wait)
    }

    @Test("data without a SYN-ACK, and urgent data, end the connection; data in a SYN waits")
    func beginning() {
        #expect(Peer(start: nil).send(Self.allowed, at: 0) == .end(.invalidDNSMessage))
        #expect(Peer().send(Self.allowed, at: 0, flags: TCPFlags.ack | TCPFlags.urg) == .end(.invalidDNSMessage))
        let peer = Peer(start: nil)
        #expect(peer.send([], at: -1, flags: TCPFlags.syn) == .pass)
        #expect(peer.send(Self.allowed, at: -1, flags: TCPFlags.syn) == .wait)
        #expect(peer.send([], at: 0) == .pass)
    }

    @Test("after the end nothing passes in either direction until another connection begins")
    func end() {
        let peer = Peer()
        #expect(peer.send(Self.denied, at: 0, flags: TCPFlags.ack | TCPFlags.fin) == .end(.disallowedDomain))
        #expect(peer.send(Self.allowed, at: Self.denied.count) == .isOver)
        #expect(peer.send([], at: 0) == .isOver)
        #expect(!peer.acknowledge(0))
        #expect(!peer.begin(Self.start))
        #expect(!peer.stream.admitAnswer(flags: TCPFlags.syn, sequence: 5, acknowledgement: 7))
        #expect(peer.send([], at: -1, flags: TCPFlags.syn) == .pass)
        #expect(peer.send([], at: 0, flags: TCPFlags.rst) == .pass)
        #expect(peer.begin(Self.start &+ 5))
        #expect(peer.send(Self.allowed, at: 5) == .pass)
    }

    @Test("a connection that begins with the numbers of the one before is judged from its own beginning")
    func sameBeginning() {
        let peer = Peer()
        #expect(peer.send(Self.allowed, at: 0) == .pass)
        #expect(peer.acknowledge(Self.allowed.count))
        #expect(peer.send([], at: Self.allowed.count, flags: TCPFlags.rst) == .pass)
        #expect(peer.send([], at: -1, flags: TCPFlags.syn) == .pass)
        #expect(peer.begin(Self.start, answer: 9_999))
        #expect(peer.stream.expectedSequence(otherwise: 1) == Self.start)
        #expect(peer.send(Self.denied, at: 0) == .end(.disallowedDomain))
    }

    @Test("a SYN of the client's own making does not move the stream")
    func secondSYN() {
        let peer = Peer()
        #expect(peer.send(Array(Self.denied[..<20]), at: 0) == .pass)
        #expect(peer.send([], at: 500, flags: TCPFlags.syn) == .pass)
        #expect(peer.send(Array(Self.denied[20...]), at: 20) == .end(.disallowedDomain))
    }
}
