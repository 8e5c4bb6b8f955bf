import Testing

@testable import SSHTransport

@Suite("Send window for OpenSSH")
struct OpenSSHSendWindowTests {
    private var window = OpenSSHSendWindow()
    private var answers: UInt32 = 0
    private var granted: UInt64 = 0
    private static let datagram = 1_400

    /// Sends until the window closes; returns the bytes.
    private mutating func fill(_ size: Int = datagram) -> Int {
        var sent = 0
        while sent < 64 << 20, window.isOpen {
            window.didSend(size)
            sent += size
        }
        return sent
    }

    private mutating func grant(_ byteCount: Int) {
        granted += UInt64(byteCount)
        window.didGrant(total: granted)
    }

    /// The peer has read everything, and grants nothing.
    private mutating func stall(at seconds: Double) -> Bool {
        answers += 1
        window.didRequest(answers)
        window.didAnswer(answers, now: UInt64(seconds * 1e9))
        return window.timePassed(now: UInt64(seconds * 1e9) + OpenSSHSendWindow.patience)
    }

    @Test("a near peer is sent more than the 96 KiB at which it begins to grant, and hardly more")
    mutating func near() {
        for roundTrip in [0, 100_000, 1_000_000] as [UInt64] {
            window = OpenSSHSendWindow()
            window.didMeasure(roundTrip: roundTrip)
            let most = fill()
            #expect(most > 96 << 10)
            #expect(most < 104 << 10)
        }
    }

    @Test("a far peer is sent what 2 Gbit/s put on the path", arguments: [10, 100] as [UInt64])
    mutating func far(_ milliseconds: UInt64) {
        window.didMeasure(roundTrip: milliseconds * 1_000_000)
        let most = fill()
        #expect(most >= Int(milliseconds - 1) * 249_000)
        #expect(most <= Int(milliseconds + 1) * 250_000)
    }

    @Test("who has read everything, but grants nothing for a second and a half, is sent twice as much")
    mutating func patience() {
        let most = fill()
        let isRefuted = stall(at: 10)
        #expect(!isRefuted)
        #expect(window.isOpen)
        #expect(fill() >= most - 2 * Self.datagram)
    }

    @Test("who has not read everything yet is only slow, and is sent no more")
    mutating func slowLink() {
        _ = fill()
        window.didRequest(7)
        for second in 1..<60 {
            window.didAnswer(6, now: UInt64(second) * 1_000_000_000)
            let isRefuted = window.timePassed(now: UInt64(second) * 1_000_000_000)
            #expect(!isRefuted)
            #expect(!window.isOpen)
        }
    }

    @Test("a grant begins the time anew, and four bytes for each datagram are part of it")
    mutating func honest() {
        for round in 0..<1_000 {
            let sent = fill(100)
            #expect(window.outstanding >= 100 << 10)
            // As OpenSSH grants: all that it has charged.
            grant(sent + sent / 100 * 4)
            #expect(window.outstanding == 0, "\(round)")
        }
        #expect(window.surcharge == .shown)
        _ = fill()
        window.didRequest(1)
        window.didAnswer(1, now: 1)
        grant(1_404)
        let isRefuted = window.timePassed(now: 100 * OpenSSHSendWindow.patience)
        #expect(!isRefuted)
    }

    @Test("a false OpenSSH, which charges no more than the data, goes on for good")
    mutating func falseOpenSSH() {
        var stalls = 0
        for _ in 0..<1_000_000 {
            if !window.isOpen {
                stalls += 1
                _ = stall(at: Double(stalls) * 10)
            }
            window.didSend(100)
            grant(100)
        }
        #expect(window.surcharge == .refuted)
        #expect(stalls == 1)
        #expect(window.outstanding == 0)
    }

    @Test("an earlier request's answer is not taken for the timed one's, and what waits behind our queue is not timed")
    func roundTrip() {
        var trip = SSHRoundTrip()
        trip.asked(now: 0, isPrompt: false)
        trip.answered(1, now: 900)
        #expect(trip.shortest == 0)
        trip.asked(now: 1_000, isPrompt: true)
        trip.asked(now: 1_001, isPrompt: true)
        trip.answered(2, now: 1_500)
        #expect(trip.shortest == 500)
        trip.asked(now: 1_600, isPrompt: true)
        trip.answered(3, now: 1_601)
        #expect(trip.shortest == 500, "the third answers the request of 1,001")
        trip.answered(4, now: 1_900)
        #expect(trip.shortest == 300)
    }
}
