internal import IPPacket

/// Which resolvers answer, as far as the queries of a loop's clients have shown.
///
/// A resolver counts as silent once a query has waited `patience` for any answer of it. Queries go elsewhere then while
/// another one answers, but now and then one is sent there as well. Owned by one loop; a row for each resolver and transport.
struct ResolverHealth {
    /// Nanoseconds without any answer after which a resolver counts as silent. Below the second after which a SYN is sent again.
    static let patience: UInt64 = 900_000_000
    /// Nanoseconds after which a silent resolver is tried again.
    static let retryPeriod: UInt64 = 10_000_000_000
    /// Resolvers change with the host's configuration; those that were not asked for longest are forgotten.
    private static let rowLimit = 32

    private struct Row {
        var resolver: IPAddress
        var transport: TransportProtocol
        /// When the first query after the last answer was sent; 0 if there is none.
        var waitingSince: UInt64 = 0
        /// When the last query was sent.
        var askedAt: UInt64 = 0
    }

    private var rows: [Row] = []
    private var random: UInt64 = .random(in: 1 ... .max)

    /// What a query is sent to.
    struct Choice {
        var resolver: IPAddress
        /// A silent resolver that gets a copy of the query, to show whether it answers again.
        var probed: IPAddress?
    }

    /// True unless the resolver is silent. One that is silent over UDP is not expected to answer over TCP.
    func answers(_ resolver: IPAddress, _ transport: TransportProtocol, now: UInt64) -> Bool {
        for row in rows where row.resolver == resolver && (row.transport == transport || row.transport == .udp) {
            if row.waitingSince != 0, now &- row.waitingSince >= Self.patience { return false }
        }
        return true
    }

    /// Draws one of those that answer; one of all if none does.
    ///
    /// - Parameter candidates: one at least.
    mutating func choose(_ candidates: [IPAddress], _ transport: TransportProtocol, now: UInt64) -> Choice {
        guard candidates.count > 1 else { return Choice(resolver: candidates[0]) }
        let answering = candidates.count { answers($0, transport, now: now) }
        var skipped = draw(below: answering == 0 ? candidates.count : answering)
        var choice = Choice(resolver: candidates[0])
        for candidate in candidates {
            guard answering == 0 || answers(candidate, transport, now: now) else {
                if mayRetry(candidate, transport, now: now) { choice.probed = candidate }
                continue
            }
            if skipped == 0 { choice.resolver = candidate }
            skipped -= 1
        }
        return choice
    }

    /// Notes that a query, or the beginning of a connection, went to a resolver.
    mutating func asked(_ resolver: IPAddress, _ transport: TransportProtocol, now: UInt64) {
        let row = row(of: resolver, transport) ?? add(resolver, transport)
        rows[row].askedAt = now
        if rows[row].waitingSince == 0 { rows[row].waitingSince = max(now, 1) }
    }

    /// Notes any answer.
    mutating func answered(_ resolver: IPAddress, _ transport: TransportProtocol) {
        guard let row = row(of: resolver, transport) else { return }
        rows[row].waitingSince = 0
    }

    /// Notes that a resolver has refused a connection, or cannot be reached: it counts as silent at once.
    mutating func failed(_ resolver: IPAddress, _ transport: TransportProtocol, now: UInt64) {
        let row = row(of: resolver, transport) ?? add(resolver, transport)
        rows[row].waitingSince = now > Self.patience ? now - Self.patience : 1
        rows[row].askedAt = now
    }

    private func mayRetry(_ resolver: IPAddress, _ transport: TransportProtocol, now: UInt64) -> Bool {
        guard let row = row(of: resolver, transport) else { return false }
        return now &- rows[row].askedAt >= Self.retryPeriod
    }

    private func row(of resolver: IPAddress, _ transport: TransportProtocol) -> Int? {
        rows.firstIndex { $0.resolver == resolver && $0.transport == transport }
    }

    private mutating func add(_ resolver: IPAddress, _ transport: TransportProtocol) -> Int {
        if rows.count == Self.rowLimit, let oldest = rows.indices.min(by: { rows[$0].askedAt < rows[$1].askedAt }) {
            rows.remove(at: oldest)
        }
        rows.append(Row(resolver: resolver, transport: transport))
        return rows.count - 1
    }

    /// Marsaglia's xorshift: nobody gains by knowing which resolver is asked next.
    private mutating func draw(below count: Int) -> Int {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return Int(random % UInt64(count))
    }
}
