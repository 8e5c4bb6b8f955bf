/// How much of a tunnel OpenSSH is sent before it has granted it back.
///
/// OpenSSH passes one datagram a turn to its device. While more than 96 KiB are ungranted, three of its largest SSH packets,
/// it has a grant follow each datagram, and spends a quarter of its time on that; up to there it grants nothing
/// (`channel_check_window` of its `channels.c`). So it is sent just enough to make it grant once for many, and more only
/// where a path is so long that it would run dry.
struct OpenSSHSendWindow {
    /// Nanoseconds after which a peer that is there should have granted something. One on a link below about 500 kbit/s may
    /// not have, and is then sent more than suits it.
    static let patience: UInt64 = 1_500_000_000

    /// Nanoseconds of a round trip that the least limit covers.
    private static let nearRoundTrip: UInt64 = 1_000_000

    /// What OpenSSH passes on at best: 2 Gbit/s.
    private static let bytesPerMicrosecond = 250

    private struct Stall {
        var outstanding: Int
        var packetsReceived: UInt64
        /// When the peer was first heard of since; what it said may be older than the last byte it was sent.
        var heardAt: UInt64?
    }

    /// Bytes for a near peer: those after which OpenSSH grants, and a little more, as it grants nothing at that very number.
    private var leastLimit = 100 << 10
    private var stall: Stall?

    /// True if more may be sent now. To be asked again while it is not.
    ///
    /// Who is heard of, but grants nothing for `patience`, is sent twice as much from then on: it may only claim to be OpenSSH,
    /// and grant later.
    ///
    /// - Parameters:
    ///   - outstanding: bytes sent and not granted back.
    ///   - roundTrip: nanoseconds.
    ///   - packetsReceived: SSH packets of any kind that have come from the peer.
    ///   - now: nanoseconds.
    mutating func isOpen(outstanding: Int, roundTrip: UInt64, packetsReceived: UInt64, now: UInt64) -> Bool {
        guard outstanding >= limit(roundTrip: roundTrip) else {
            stall = nil
            return true
        }
        guard let current = stall, current.outstanding == outstanding else {
            stall = Stall(outstanding: outstanding, packetsReceived: packetsReceived)
            return false
        }
        guard let heardAt = current.heardAt else {
            if packetsReceived != current.packetsReceived { stall?.heardAt = now }
            return false
        }
        guard now - heardAt >= Self.patience else { return false }
        leastLimit *= 2
        stall = nil
        return outstanding < limit(roundTrip: roundTrip)
    }

    private func limit(roundTrip: UInt64) -> Int {
        guard roundTrip > Self.nearRoundTrip else { return leastLimit }
        return leastLimit + Int((roundTrip - Self.nearRoundTrip) / 1_000) * Self.bytesPerMicrosecond
    }
}
