internal import IPPacket

/// A session as a person is shown it.
public struct SessionStatus: Codable, Equatable, Sendable {
    /// The user who holds the session.
    public var user: String
    /// The fingerprint of the user's key.
    public var keyFingerprint: String
    /// The session's name; empty unless the client gave one.
    public var name: String
    /// The address that the user's IPv4 packets leave the server's tunnel with.
    public var assignedIPv4: String
    /// The address that the user's IPv6 packets leave the server's tunnel with.
    public var assignedIPv6: String
    /// The user's own IPv4 address, once a packet has shown it.
    public var originalIPv4: String?
    /// The user's own IPv6 address, once a packet has shown it.
    public var originalIPv6: String?
    /// The type of the channel that the user is connected by now.
    public var channelType: String?
    /// What protects that channel, where it does so itself.
    public var security: TransportSecurity?
    /// What the server knows of the network path to the user; nil behind a proxy.
    public var path: TransportPath?
    /// Flows that go through the session now; nil while nobody is connected.
    public var flows: Int?
    /// Flows that went through it when its last connection ended.
    public var lastFlows: Int?
    /// Every counter that is not 0.
    public var counters: [String: Int64]

    init(_ session: Session) {
        user = session.identity.user
        keyFingerprint = session.identity.keyFingerprint
        name = session.identity.name
        assignedIPv4 = session.ipv4.description
        assignedIPv6 = session.ipv6.description
        counters = Dictionary(
            uniqueKeysWithValues: SessionReport.counters(session.counters).map { ($0.name, $0.value) }
        )
    }
}

extension PacketTunnelServer {
    /// The sessions of one user, or of all, with the counters as they are now.
    public func status(user: String? = nil) async -> [SessionStatus] {
        var result: [SessionStatus] = []
        for (session, client) in sessions.sessions where user == nil || session.identity.user == user {
            guard let client else {
                result.append(SessionStatus(session))
                continue
            }
            // A session in use belongs to its client's loop.
            let status = await withCheckedContinuation { continuation in
                client.worker.loop.execute { continuation.resume(returning: client.status(of: session)) }
            }
            result.append(status)
        }
        return result
    }
}

extension ServerClient {
    fileprivate func status(of session: Session) -> SessionStatus {
        // What has ended counts as ended.
        flows.removeIdle(now: worker.loop.now)
        var status = SessionStatus(session)
        status.originalIPv4 = originalIPv4?.description
        status.originalIPv6 = originalIPv6?.description
        status.channelType = framing.channelType
        status.flows = flows.count
        status.lastFlows = session.lastFlowCount
        status.security = transport.security
        status.path = transport.path
        return status
    }
}
