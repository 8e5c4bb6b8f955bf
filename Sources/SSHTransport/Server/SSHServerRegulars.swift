/// Sources from which somebody has logged in lately. Bounded: the oldest are forgotten first.
struct SSHServerRegulars {
    /// Nanoseconds for which a login counts: a day, so that a user who comes back every morning is known.
    static let lifetime: UInt64 = 86_400_000_000_000
    private static let limit = 16_384

    private var lastLogins: [SSHServerSource: UInt64] = [:]

    /// Somebody has logged in from `source`, or ends a connection with a login.
    mutating func add(_ source: SSHServerSource, now: UInt64) {
        if lastLogins.count >= Self.limit, lastLogins[source] == nil { makeRoom() }
        lastLogins[source] = now
    }

    func contains(_ source: SSHServerSource, now: UInt64) -> Bool {
        guard let time = lastLogins[source] else { return false }
        // Loops look at the clock at different moments.
        return now < time || now - time < Self.lifetime
    }

    private mutating func makeRoom() {
        let times = lastLogins.values.sorted()
        let last = times[times.count / 8]
        lastLogins = lastLogins.filter { $0.value > last }
    }
}
