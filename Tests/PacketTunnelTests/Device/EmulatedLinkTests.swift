import PacketTunnelTestKit
import Testing

@Suite("The emulated link")
struct EmulatedLinkTests {
    private static let packet = [UInt8](repeating: 7, count: 1_000)

    @Test("packets arrive after their time in the bottleneck and the delay, in order")
    func arrival() {
        // 1,000 bytes take a millisecond.
        var link = EmulatedLink(.init(delay: 10_000_000, bitsPerSecond: 8_000_000))
        link.send([1] + Self.packet.dropFirst(), now: 0)
        link.send([2] + Self.packet.dropFirst(), now: 0)
        #expect(link.nextArrival == 11_000_000)
        #expect(link.receive(now: 10_999_999) == nil)
        #expect(link.receive(now: 11_000_000)?.first == 1)
        #expect(link.nextArrival == 12_000_000)
        #expect(link.receive(now: 12_000_000)?.first == 2)
        #expect(link.nextArrival == nil && link.receive(now: .max) == nil)
    }

    @Test("what finds the queue full is dropped, and nothing else")
    func queue() {
        var link = EmulatedLink(.init(bitsPerSecond: 8_000_000, queueLimit: 3_000))
        for _ in 0..<5 { link.send(Self.packet, now: 0) }
        #expect(link.overflowCount == 2 && link.lostCount == 0)
        // Two milliseconds later there is room for two.
        for _ in 0..<3 { link.send(Self.packet, now: 2_000_000) }
        #expect(link.overflowCount == 3)
    }

    @Test("packets are lost at random, the same ones for the same seed")
    func loss() {
        func arrived(_ seed: UInt64) -> [Int] {
            var link = EmulatedLink(.init(lossPerMillion: 10_000), seed: seed)
            var arrived: [Int] = []
            for number in 0..<100_000 {
                link.send([UInt8(truncatingIfNeeded: number)], now: 0)
                if link.receive(now: 0) != nil { arrived.append(number) }
            }
            return arrived
        }
        let first = arrived(1)
        #expect((98_800...99_200).contains(first.count))
        #expect(first == arrived(1) && first != arrived(2))
    }

    @Test(
        "a path is read from its parts",
        arguments: [
            (
                "20ms,100mbit,1%",
                EmulatedLink.Properties(
                    delay: 10_000_000,
                    bitsPerSecond: 100_000_000,
                    queueLimit: 250_000,
                    lossPerMillion: 10_000
                )
            ),
            ("0.1%", .init(queueLimit: 65_536, lossPerMillion: 1_000)),
            ("1ms,10mbit,9kb", .init(delay: 500_000, bitsPerSecond: 10_000_000, queueLimit: 9_000)), ("20", nil),
            ("20ms,fast", nil), ("-1ms", nil),
        ] as [(String, EmulatedLink.Properties?)]
    )
    func path(_ text: String, _ expected: EmulatedLink.Properties?) {
        #expect(EmulatedLink.Properties(text) == expected)
    }
}
