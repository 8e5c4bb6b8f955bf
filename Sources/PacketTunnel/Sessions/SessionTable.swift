internal import IPPacket
internal import Synchronization

/// Why a client gets no session.
public enum SessionError: Error, Equatable, CustomStringConvertible, Sendable {
    /// Every index of the pool is leased to a session that is still in use or may still be resumed.
    case poolIsExhausted
    /// The session of this name belongs to another user or key.
    case belongsToAnother
    /// The key has as many sessions in use as it may have.
    case tooManySessions
    /// The server has been stopped, or not been started.
    case serverIsNotRunning

    /// One sentence for the log.
    public var description: String {
        switch self {
        case .poolIsExhausted: "no address is free: choose a larger AddressPool, or a shorter SessionExpiry"
        case .belongsToAnother: "the session of this name belongs to another user or key"
        case .tooManySessions: "the key has as many sessions in use as it may have"
        case .serverIsNotRunning: "the server is not running"
        }
    }
}

/// Every session of a server, and which of the loops its client is attached to. Safe from any thread; never asked on
/// the way of a packet whose client lives on the same loop.
final class SessionTable: Sendable {
    private let pool: AddressPool
    private let expiry: UInt64
    let state = Mutex(State())

    struct Entry {
        let session: Session
        /// The client that uses the session now.
        var client: ServerClient?
        /// When the last client left, on the monotonic clock.
        var idleSince: UInt64
        /// What has come since, or what the last client left unsent.
        var parked = ParkedPackets()
    }

    struct State {
        var entries: [SessionIdentity: Entry] = [:]
        var identities: [UInt32: SessionIdentity] = [:]
        var owners: [String: SessionIdentity] = [:]
        var foreignNameCount = 0
        /// False before the server's start and after its end.
        var isOpen = false
        /// Bytes of packets that wait for all sessions.
        var parkedByteCount = 0
    }

    /// What `attach` found.
    struct Attachment: Sendable {
        let session: Session
        /// The client that has to let go of the session first.
        let previous: ServerClient?
        let isNew: Bool
    }

    init(pool: AddressPool, expiry: UInt64) {
        self.pool = pool
        self.expiry = expiry
    }

    /// Gives `client` the session of its identity: the one it had, or a new one.
    ///
    /// - Parameter resolvers: asked only for a new session, outside of the table's lock.
    func attach(
        _ client: ServerClient,
        now: UInt64,
        resolvers: () -> DNSResolvers
    ) throws(SessionError) -> Attachment {
        if let result = state.withLock({ attach(client, now: now, resolvers: nil, in: &$0) }) {
            return try result.get()
        }
        let found = resolvers()
        guard let result = state.withLock({ attach(client, now: now, resolvers: found, in: &$0) }) else {
            preconditionFailure("with resolvers a session can be begun")
        }
        return try result.get()
    }

    /// - Parameter resolvers: of a new session; nil if they are not known yet.
    /// - Returns: nil if a new session is to be begun and its resolvers are not known.
    private func attach(
        _ client: ServerClient,
        now: UInt64,
        resolvers: DNSResolvers?,
        in state: inout State
    ) -> Result<Attachment, SessionError>? {
        let identity = client.identity
        // Under the lock: a client that `close` does not return must not be attached afterwards.
        guard state.isOpen else { return .failure(.serverIsNotRunning) }
        if let refusal = refusal(of: identity, maximumSessions: client.hooks.maximumSessions, in: state) {
            if refusal == .belongsToAnother { state.foreignNameCount += 1 }
            return .failure(refusal)
        }
        if let entry = state.entries[identity] {
            state.entries[identity]?.client = client
            return .success(Attachment(session: entry.session, previous: entry.client, isNew: false))
        }
        // Idle sessions count, too: with one name after the other, a key could lease the whole pool.
        if let most = client.hooks.maximumSessions, Self.held(by: identity, in: state) >= most {
            return .failure(.tooManySessions)
        }
        guard let resolvers else { return nil }
        let index = freeIndex(in: state)
        let session = Session(identity: identity, index: index, pool: pool, resolvers: resolvers)
        state.entries[identity] = Entry(session: session, client: client, idleSince: now)
        state.identities[index] = identity
        if Self.isSecret(identity.name) { state.owners[identity.name] = identity }
        return .success(Attachment(session: session, previous: nil, isNew: true))
    }

    /// Why `identity` would get no session if it asked now; nil if it would get one.
    ///
    /// - Parameter maximumSessions: that its key may have in use.
    func refusal(of identity: SessionIdentity, maximumSessions: Int?) -> SessionError? {
        state.withLock { refusal(of: identity, maximumSessions: maximumSessions, in: $0) }
    }

    private func refusal(of identity: SessionIdentity, maximumSessions: Int?, in state: State) -> SessionError? {
        let entry = state.entries[identity]
        if entry?.client == nil, let maximumSessions, Self.inUse(by: identity, in: state) >= maximumSessions {
            return .tooManySessions
        }
        guard entry == nil else { return nil }
        if Self.isSecret(identity.name), let owner = state.owners[identity.name], owner != identity {
            return .belongsToAnother
        }
        return state.identities.count < pool.capacity ? nil : .poolIsExhausted
    }

    /// Notes that `client` has left. False if another has taken its session over meanwhile.
    func detach(_ client: ServerClient, identity: SessionIdentity, now: UInt64) -> Bool {
        state.withLock { state in
            guard state.entries[identity]?.client === client else { return false }
            state.entries[identity]?.client = nil
            state.entries[identity]?.idleSince = now
            return true
        }
    }

    /// The client of one identity.
    func client(of identity: SessionIdentity) -> ServerClient? {
        state.withLock { $0.entries[identity]?.client }
    }

    /// Takes out the sessions that nobody has used for the expiry time. Their indexes stay reserved until `release`,
    /// so that the kernel can be made to forget their connections first.
    func removeExpired(now: UInt64) -> [Session] {
        state.withLock { state in
            let expired = state.entries.values.filter { $0.client == nil && now &- $0.idleSince >= expiry }
            for entry in expired { Self.forget(entry.session, in: &state) }
            return expired.map(\.session)
        }
    }

    /// Takes out the sessions of a key that nobody uses, the oldest first, so far as it must have fewer to begin one more. Their
    /// indexes stay reserved until `release`.
    ///
    /// - Parameter maximumSessions: that the key may have, used or not.
    func removeIdle(for identity: SessionIdentity, maximumSessions: Int) -> [Session] {
        state.withLock { state in
            guard state.entries[identity] == nil else { return [] }
            let own = state.entries.values.filter { Self.isSameKey($0.session.identity, identity) }
            let surplus = own.count - maximumSessions + 1
            guard surplus > 0 else { return [] }
            let idle = own.filter { $0.client == nil }.sorted { $0.idleSince < $1.idleSince }.prefix(surplus)
            for entry in idle { Self.forget(entry.session, in: &state) }
            return idle.map(\.session)
        }
    }

    /// Nanoseconds until the next session without a client expires; nil if there is none.
    func timeToExpiry(now: UInt64) -> UInt64? {
        state.withLock { state in
            let deadlines = state.entries.values.lazy.filter { $0.client == nil }.map { $0.idleSince &+ self.expiry }
            return deadlines.min().map { $0 > now ? $0 - now : 0 }
        }
    }

    /// True while clients may be attached.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Lets clients be attached.
    func open() {
        state.withLock { $0.isOpen = true }
    }

    /// Lets no more clients be attached.
    ///
    /// - Returns: those that are.
    func close() -> [ServerClient] {
        state.withLock { state in
            state.isOpen = false
            return state.entries.values.compactMap(\.client)
        }
    }

    /// Takes every session out, used or not.
    func removeAll() -> [Session] {
        state.withLock { state in
            defer { state = State(foreignNameCount: state.foreignNameCount) }
            return state.entries.values.map(\.session)
        }
    }

    /// Lets the indexes of removed sessions be leased again.
    func release(_ sessions: [Session]) {
        state.withLock { state in
            for session in sessions { state.identities[session.index] = nil }
        }
    }

    /// Sessions that exist, and those of them that a client uses.
    var count: (all: Int, connected: Int) {
        state.withLock { state in
            (state.entries.count, state.entries.values.count { $0.client != nil })
        }
    }

    /// How often a session's name came with another user or key than the session's.
    var foreignNameCount: Int { state.withLock { $0.foreignNameCount } }

    /// The clients that are attached now.
    var clients: [ServerClient] {
        state.withLock { $0.entries.values.compactMap(\.client) }
    }

    /// Every session, and whether a client uses it.
    var sessions: [(session: Session, client: ServerClient?)] {
        state.withLock { $0.entries.values.map { ($0.session, $0.client) } }
    }

    private static func forget(_ session: Session, in state: inout State) {
        state.parkedByteCount -= state.entries[session.identity]?.parked.byteCount ?? 0
        state.entries[session.identity] = nil
        if state.owners[session.identity.name] == session.identity { state.owners[session.identity.name] = nil }
    }

    private static func inUse(by identity: SessionIdentity, in state: State) -> Int {
        state.entries.values.count { $0.client != nil && isSameKey($0.session.identity, identity) }
    }

    private static func held(by identity: SessionIdentity, in state: State) -> Int {
        state.entries.values.count { isSameKey($0.session.identity, identity) }
    }

    private static func isSameKey(_ one: SessionIdentity, _ other: SessionIdentity) -> Bool {
        one.user == other.user && one.keyFingerprint == other.keyFingerprint
    }

    /// A name of 32 hex digits is drawn at random by a client, so two clients never share one by accident.
    private static func isSecret(_ name: String) -> Bool {
        name.utf8.count == 32 && name.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }

    /// Draws an index at random and goes on from there, so that an address says nothing about its age. There has to be
    /// a free one.
    private func freeIndex(in state: State) -> UInt32 {
        let range = AddressPool.firstIndex...pool.lastIndex
        var index = UInt32.random(in: range)
        while state.identities[index] != nil { index = index == range.upperBound ? range.lowerBound : index + 1 }
        return index
    }
}
