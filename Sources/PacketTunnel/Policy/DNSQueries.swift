internal import IPPacket

/// The DNS queries of one flow that have had no answer yet, as far as the reporter of a resolver's quality has to know.
///
/// Queries over UDP are told apart by their identifiers. A TCP connection counts as one exchange after another: what the
/// client sends until an answer comes is one query. Four may be open at a time; another one takes the place of the oldest,
/// which counts as unanswered then. Part of a `Flow`, so no memory is taken for it.
struct DNSQueries {
    private var identifiers: [4 of UInt16] = .init(repeating: 0)
    /// When each was asked, in nanoseconds on the loop's clock; 0 where there is none.
    private var times: [4 of UInt64] = .init(repeating: 0)
    private var resolvers: [4 of IPAddress] = .init(repeating: IPAddress(bits: 0))

    /// A query that was sent: when, in nanoseconds on the loop's clock, and where to.
    struct Query {
        var asked: UInt64
        var resolver: IPAddress
    }

    /// Notes a query; one that is sent again counts from the first time, but for the resolver that it goes to now.
    ///
    /// - Returns: the query that had to make room; nil if none had to.
    mutating func ask(_ identifier: UInt16, resolver: IPAddress, now: UInt64) -> Query? {
        if let known = slot(of: identifier) {
            resolvers[known] = resolver
            return nil
        }
        var slot = 0
        for candidate in times.indices where times[candidate] < times[slot] { slot = candidate }
        let evicted = Query(asked: times[slot], resolver: resolvers[slot])
        identifiers[slot] = identifier
        times[slot] = max(now, 1)
        resolvers[slot] = resolver
        return evicted.asked == 0 ? nil : evicted
    }

    /// Notes an answer.
    ///
    /// - Returns: when its query was asked; nil if there is none.
    mutating func answer(_ identifier: UInt16) -> UInt64? {
        guard let slot = slot(of: identifier) else { return nil }
        defer { times[slot] = 0 }
        return times[slot]
    }

    /// Forgets any query.
    ///
    /// - Returns: the query; nil once there is none left.
    mutating func removeAny() -> Query? {
        for slot in times.indices where times[slot] != 0 {
            defer { times[slot] = 0 }
            return Query(asked: times[slot], resolver: resolvers[slot])
        }
        return nil
    }

    private func slot(of identifier: UInt16) -> Int? {
        for slot in times.indices where times[slot] != 0 && identifiers[slot] == identifier { return slot }
        return nil
    }
}
