internal import IPPacket

/// The owner of a session: user, key and name. No other identity can resume it.
public struct SessionIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The authenticated user.
    public let user: String
    /// The fingerprint of the key that the user came with.
    public let keyFingerprint: String
    /// The client's own name for the session; empty unless it gave one.
    public let name: String

    /// The environment variable in which a client says that name, on an SSH channel or to a command.
    public static let nameVariable = "PACKET_TUNNEL_SESSION"

    /// Why a connection ends whose session a newer one has taken over; both sides know it by these words.
    public static let takeoverNotice = "taken over by a newer connection"

    /// An identity from what authentication established, and the name that the client chose.
    public init(user: String, keyFingerprint: String, name: String = "") {
        self.user = user
        self.keyFingerprint = keyFingerprint
        self.name = name
    }

    /// The user, the key and the session's name, for logs.
    public var description: String {
        name.isEmpty ? "\(user) \(keyFingerprint)" : "\(user) \(keyFingerprint) \(name)"
    }
}

/// A lease of one index, and what has to outlive the connection that uses it.
///
/// While a client is attached, its loop owns the mutable part; while none is, `SessionTable` does.
final class Session: @unchecked Sendable {  // one owner after the other
    let identity: SessionIdentity
    let index: UInt32
    let ipv4: IPAddress
    let ipv6: IPAddress
    /// The resolvers as they were when the session began.
    let resolvers: DNSResolvers
    /// The transparent addresses that the client asked last.
    private var transparentIPv4: IPAddress?
    private var transparentIPv6: IPAddress?
    /// The resolvers of TCP connections to a transparent address, by family and the client's port: they outlive the
    /// connection that carries them.
    private var connectionResolvers: [UInt32: IPAddress] = [:]
    /// Connections that are remembered. The most recent ones are enough: others are over, or their clients ask again.
    private static let connectionLimit = 256
    /// The client's own addresses as they were last. A client that waits for data, and so sends nothing of itself after
    /// a reconnection, gets it there.
    var originalIPv4: IPAddress?
    var originalIPv6: IPAddress?
    /// Where its last client was, if that is known.
    var peerAddress: String?
    /// Flows that went through the session when its last connection ended; those that go on are learnt anew.
    var lastFlowCount = 0
    /// All that was counted so far, over all connections.
    var counters = PacketCounters()
    /// The part of `counters` that has been reported.
    private var reported = PacketCounters()

    init(identity: SessionIdentity, index: UInt32, pool: AddressPool, resolvers: DNSResolvers) {
        self.identity = identity
        self.index = index
        ipv4 = pool.ipv4Address(index)
        ipv6 = pool.ipv6Address(index)
        self.resolvers = resolvers
    }

    /// What was counted since the last call. Called by the owner of the counters.
    func checkpoint() -> PacketCounters {
        defer { reported = counters }
        return counters.since(reported)
    }

    func address(_ version: IPVersion) -> IPAddress { version == .v4 ? ipv4 : ipv6 }

    /// The transparent address that the client asked last.
    func transparent(_ version: IPVersion) -> IPAddress? { version == .v4 ? transparentIPv4 : transparentIPv6 }

    func noteTransparent(_ address: IPAddress, _ version: IPVersion) {
        if version == .v4 { transparentIPv4 = address } else { transparentIPv6 = address }
    }

    /// The resolver of the connection that a TCP packet of the client belongs to.
    func resolver(ofConnection summary: PacketSummary) -> IPAddress? { connectionResolvers[Self.key(summary)] }

    func noteResolver(_ resolver: IPAddress, ofConnection summary: PacketSummary) {
        if connectionResolvers.count >= Self.connectionLimit { connectionResolvers.removeAll(keepingCapacity: true) }
        connectionResolvers[Self.key(summary)] = resolver
    }

    private static func key(_ summary: PacketSummary) -> UInt32 {
        UInt32(summary.version.rawValue) << 16 | UInt32(summary.sourcePort)
    }
}
