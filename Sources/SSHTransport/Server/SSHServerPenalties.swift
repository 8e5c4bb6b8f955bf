internal import IPPacket

/// Sources that are refused for a while because of what they did (`PerSourcePenalties` of sshd_config(5)).
///
/// Bounded in sources and time. Times are nanoseconds of one clock.
struct SSHServerPenalties {
    /// What a connection has done that ended without a login.
    enum Offence: Sendable {
        /// At least one refused attempt.
        case authenticationFailure
        /// The same, for a user who has no key here, or may not log in.
        case invalidUser
        /// Left, or was sent away, without an attempt.
        case noAuthentication
        /// Held its place for all of `LoginGraceTime`.
        case graceExceeded
    }

    private struct Entry {
        var end: UInt64
        var isEnforced = false
    }

    private let rules: SSHServerConfiguration.Penalties
    private var ipv4: [SSHServerSource: Entry] = [:]
    private var ipv6: [SSHServerSource: Entry] = [:]

    init(_ rules: SSHServerConfiguration.Penalties) {
        self.rules = rules
    }

    /// Sources with a penalty, enforced or not.
    var count: Int { ipv4.count + ipv6.count }

    /// Nanoseconds for which `source` is still refused; 0 if it is not.
    func remaining(_ source: SSHServerSource, now: UInt64) -> UInt64 {
        guard rules.isEnabled, !isExempt(source) else { return 0 }
        let (entries, limit, overflow) =
            source.isIPv4
            ? (ipv4, rules.sourceLimitIPv4, rules.overflowIPv4) : (ipv6, rules.sourceLimitIPv6, rules.overflowIPv6)
        if let entry = entries[source], entry.isEnforced, entry.end > now { return entry.end - now }
        guard overflow == .denyAll, entries.count >= limit else { return 0 }
        return rules.least.nanoseconds
    }

    /// Adds up what `source` did.
    mutating func add(_ offence: Offence, by source: SSHServerSource, now: UInt64) {
        let duration = duration(of: offence).nanoseconds
        guard rules.isEnabled, duration > 0, !isExempt(source) else { return }
        if source.isIPv4 {
            add(duration, to: &ipv4, source, limit: rules.sourceLimitIPv4, now: now)
        } else {
            add(duration, to: &ipv6, source, limit: rules.sourceLimitIPv6, now: now)
        }
    }

    private func add(
        _ duration: UInt64,
        to entries: inout [SSHServerSource: Entry],
        _ source: SSHServerSource,
        limit: Int,
        now: UInt64
    ) {
        if entries[source] == nil, entries.count >= limit { makeRoom(in: &entries, limit: limit, now: now) }
        var entry = entries[source] ?? Entry(end: now)
        if entry.end <= now { entry = Entry(end: now) }
        entry.end = min(entry.end &+ duration, now &+ rules.greatest.nanoseconds)
        // Once in force it stays so until it ends, as in sshd.
        if entry.end - now >= rules.least.nanoseconds { entry.isEnforced = true }
        entries[source] = entry
    }

    /// Forgets what is over, and then, an eighth at a time, what ends soonest.
    private func makeRoom(in entries: inout [SSHServerSource: Entry], limit: Int, now: UInt64) {
        entries = entries.filter { $0.value.end > now }
        guard entries.count >= limit else { return }
        let ends = entries.values.map(\.end).sorted()
        let last = ends[min(ends.count - 1, limit / 8)]
        entries = entries.filter { $0.value.end > last }
    }

    private func duration(of offence: Offence) -> Duration {
        switch offence {
        case .authenticationFailure: rules.authenticationFailure
        case .invalidUser: rules.invalidUser
        case .noAuthentication: rules.noAuthentication
        case .graceExceeded: rules.graceExceeded
        }
    }

    private func isExempt(_ source: SSHServerSource) -> Bool {
        guard let block = source.block else { return false }
        return rules.exemptions.contains { $0.length <= block.length && $0.contains(block.network) }
    }
}
