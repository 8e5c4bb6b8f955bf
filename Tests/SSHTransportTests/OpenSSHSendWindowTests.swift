import Testing

@testable import SSHTransport

@Suite("Send window for OpenSSH")
struct OpenSSHSendWindowTests {
    private var window = OpenSSHSendWindow()

    /// Sends until the window closes, without a grant; returns the bytes.
    private mutating func fill(roundTrip: UInt64 = 0) -> Int {
        var outstanding = 0
        while outstanding < 64 << 20, isOpen(outstanding, roundTrip: roundTrip) { outstanding += 1_400 }
        return outstanding
    }

    private mutating func isOpen(
        _ outstanding: Int,
        roundTrip: UInt64 = 0,
        packetsReceived: UInt64 = 0,
        at seconds: Double = 0
    ) -> Bool {
        window.isOpen(
            outstanding: outstanding,
            roundTrip: roundTrip,
            packetsReceived: packetsReceived,
            now: UInt64(seconds * 1e9)
        )
    }

    @Test("A near peer is sent more than the 96 KiB at which it begins to grant, and hardly more")
    mutating func near() {
        for roundTrip in [0, 100_000, 1_000_000] as [UInt64] {
            let most = fill(roundTrip: roundTrip)
            #expect(most > 96 << 10)
            #expect(most < 104 << 10)
        }
    }

    @Test("A far peer is sent what 2 Gbit/s put on the path", arguments: [10, 100] as [UInt64])
    mutating func far(_ milliseconds: UInt64) {
        let most = fill(roundTrip: milliseconds * 1_000_000)
        #expect(most >= Int(milliseconds - 1) * 250_000)
        #expect(most <= Int(milliseconds + 1) * 250_000)
    }

    @Test("Who is heard of, but grants nothing for a second and a half, is sent twice as much")
    mutating func patience() {
        let most = fill()
        #expect(!isOpen(most, packetsReceived: 1, at: 10))
        #expect(!isOpen(most, packetsReceived: 2, at: 11.4))
        #expect(isOpen(most, packetsReceived: 2, at: 11.6))
        #expect(fill() >= 2 * most - 2 * 1_400)
    }

    @Test("Who is silent altogether is sent no more")
    mutating func silence() {
        let most = fill()
        #expect(!isOpen(most, at: 30))
        #expect(!isOpen(most, at: 60))
    }

    @Test("A grant that leaves too much outstanding begins the time anew")
    mutating func slowGrants() {
        let most = fill() + 50_000
        #expect(!isOpen(most, packetsReceived: 1, at: 0))
        #expect(!isOpen(most, packetsReceived: 2, at: 0.1))
        #expect(!isOpen(most - 1_000, packetsReceived: 3, at: 1.7))
        #expect(!isOpen(most - 1_000, packetsReceived: 4, at: 1.8))
        #expect(!isOpen(most - 1_000, packetsReceived: 4, at: 3.2))
        #expect(isOpen(0, packetsReceived: 5, at: 3.3))
    }
}
