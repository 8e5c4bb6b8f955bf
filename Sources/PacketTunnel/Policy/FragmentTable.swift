internal import IPPacket

/// The datagrams whose first fragment has passed and whose last one has not come yet.
///
/// The first fragment is judged like any packet; later ones have no ports and follow it, by addresses, identification and
/// protocol. They have to come in order, as every sender sends them and every way through the tunnel keeps them: nothing is
/// reassembled, so what would overlap (RFC 5722) or precede the first fragment is refused. Owned by one loop. Holds at most
/// `limit` entries, each for `expiry`; takes no memory before the first fragment.
struct FragmentTable: ~Copyable {
    /// Unfinished datagrams of one client in one direction. Beyond that the oldest is given up.
    static let limit = 64
    /// Nanoseconds within which a datagram's fragments have to come: Linux waits as long (`ipfrag_time`).
    static let expiry: UInt64 = 30_000_000_000

    /// What was decided about a datagram.
    struct Decision {
        /// What the source address becomes; nil where it stays as it is, or as the path's usual rewrite makes it.
        var source: IPAddress?
        /// The same for the destination address.
        var destination: IPAddress?
        /// The flow that the datagram belongs to, where flows are known.
        var flow: FlowKey?
    }

    private struct Datagram {
        var source: IPAddress
        var destination: IPAddress
        var identification: UInt32
        var transport: TransportProtocol
        /// Where the next fragment may begin.
        var end: Int
        var began: UInt64
        var decision: Decision
    }

    /// In the order in which they began.
    private var datagrams: [Datagram] = []

    /// Datagrams that are unfinished now, expired ones among them.
    var count: Int { datagrams.count }

    /// Remembers what was decided about a first fragment.
    ///
    /// - Parameter summary: as the packet came.
    /// - Returns: true if an unfinished datagram had to be given up for it.
    /// - Throws: `.fragmentOverlap` if the datagram has had a first fragment.
    mutating func begin(
        _ facts: FragmentFacts,
        summary: PacketSummary,
        _ decision: Decision,
        now: UInt64
    ) throws(RejectReason) -> Bool {
        // RFC 6946: a fragment that is a whole datagram has nothing to do with others of the same identification.
        guard facts.hasMore else { return false }
        removeExpired(now: now)
        if let known = index(of: facts, summary) {
            datagrams.remove(at: known)
            throw .fragmentOverlap
        }
        if datagrams.capacity == 0 { datagrams.reserveCapacity(Self.limit) }
        let isFull = datagrams.count == Self.limit
        if isFull { datagrams.removeFirst() }
        datagrams.append(
            Datagram(
                source: summary.source,
                destination: summary.destination,
                identification: facts.identification,
                transport: summary.transport,
                end: facts.end,
                began: now,
                decision: decision
            )
        )
        return isFull
    }

    /// What was decided about the datagram of a later fragment.
    ///
    /// - Throws: `.fragmentWithoutFirst`, `.fragmentOverlap`.
    mutating func follow(
        _ facts: FragmentFacts,
        summary: PacketSummary,
        now: UInt64
    ) throws(RejectReason) -> Decision {
        removeExpired(now: now)
        guard let known = index(of: facts, summary) else { throw .fragmentWithoutFirst }
        let decision = datagrams[known].decision
        guard facts.offset >= datagrams[known].end else {
            datagrams.remove(at: known)
            throw .fragmentOverlap
        }
        if facts.hasMore { datagrams[known].end = facts.end } else { datagrams.remove(at: known) }
        return decision
    }

    /// The newest come first: fragments of one datagram follow each other closely.
    private func index(of facts: FragmentFacts, _ summary: PacketSummary) -> Int? {
        datagrams.lastIndex {
            $0.identification == facts.identification && $0.transport == summary.transport
                && $0.source == summary.source && $0.destination == summary.destination
        }
    }

    private mutating func removeExpired(now: UInt64) {
        while let first = datagrams.first, now &- first.began > Self.expiry { datagrams.removeFirst() }
    }
}
