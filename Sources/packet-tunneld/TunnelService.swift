internal import EventLoops
internal import IPPacket
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import Synchronization
internal import TunnelConfiguration

/// Hands the tunnel channels of the SSH server to the core, and answers `info` and `status`.
final class TunnelService: SSHServerDelegate {
    private let server: PacketTunnelServer
    private let configuration: LiveConfiguration
    private let resolvers: HostResolvers
    private let oversight: TunnelOversight
    private let logger: Logger
    /// The tunnel of each connection that has had one: the last, as there is one at a time.
    private let tunnels = Mutex<[ObjectIdentifier: ConnectedClient]>([:])

    init(
        server: PacketTunnelServer,
        configuration: LiveConfiguration,
        resolvers: HostResolvers,
        oversight: TunnelOversight,
        logger: Logger
    ) {
        self.server = server
        self.configuration = configuration
        self.resolvers = resolvers
        self.oversight = oversight
        self.logger = logger
    }

    func connection(
        _ connection: SSHServerConnection,
        channelOpenRequested type: String,
        payload: [UInt8]
    ) -> ChannelOpenDecision {
        guard let framing = ChannelFraming(rawValue: type) else {
            return .refuse(.unknownChannelType, "unknown channel type")
        }
        guard let key = connection.authorizedKey else { return .refuse(.administrativelyProhibited, "no key") }
        let restrictions = key.restrictions
        guard restrictions.permitsTunnel else {
            return .refuse(.administrativelyProhibited, "this key may not open a tunnel")
        }
        if framing == .openSSH {
            switch OpenSSHTunnelRequest.parse(payload) {
            case .failure(let problem): return .refuse(.administrativelyProhibited, problem.description)
            case .success(let unit):
                if let only = restrictions.tunnelUnit, unit != only, unit != OpenSSHTunnelRequest.anyUnit {
                    return .refuse(.administrativelyProhibited, "this key may only use tunnel \(only)")
                }
                // The other types name their session after the open, and can only be closed then.
                let name = OpenSSHTunnelRequest.sessionName(restrictions.tunnelUnit ?? unit)
                let identity = SessionIdentity(user: connection.user, keyFingerprint: key.fingerprint, name: name)
                let most = restrictions.maximumSessions ?? KeyHooks.sessionShare(of: server)
                if let refusal = server.refusal(of: identity, maximumSessions: most) {
                    return .refuse(.resourceShortage, refusal.description)
                }
            }
        }
        return .accept(SSHChannelOptions(for: framing))
    }

    func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel) {
        guard let framing = ChannelFraming(rawValue: channel.type) else { return }
        // A second tunnel of a connection replaces the first, also under another name, and also one whose name has not
        // come yet: a client that opens one after the other would use up its channels with those.
        for other in connection.channels where other !== channel && ChannelFraming(rawValue: other.type) != nil {
            other.close()
        }
        PendingTunnel(channel: channel, connection: connection, framing: framing, service: self).wait()
    }

    func connection(
        _ connection: SSHServerConnection,
        channel: SSHChannel,
        environment name: String,
        value: String
    ) {
        guard name == SessionIdentity.nameVariable, let session = try? SessionName(parsing: value) else { return }
        (channel.receiver as? PendingTunnel)?.attach(name: session.description)
    }

    /// Gives a channel to the core under the name that its client has chosen.
    func attach(_ channel: SSHChannel, of connection: SSHServerConnection, framing: ChannelFraming, name: String) {
        guard let key = connection.authorizedKey else { return channel.close() }
        // A key with tunnel="N" has that one session, whatever the client asks for and by whichever channel type.
        let name = key.restrictions.tunnelUnit.map { OpenSSHTunnelRequest.sessionName($0) } ?? name
        let identity = SessionIdentity(user: connection.user, keyFingerprint: key.fingerprint, name: name)
        var hooks = KeyHooks(configuration.current, key.restrictions, oversight.dnsQuality).hooks(for: server)
        let owner = ObjectIdentifier(connection)
        hooks.use(oversight.flowShares.take(key.fingerprint, for: owner, now: connection.loop.now))
        do throws(SessionError) {
            let client = try server.clientConnected(identity, transport: channel, framing: framing, hooks: hooks)
            tunnels.withLock { $0[ObjectIdentifier(connection)] = client }
        } catch {
            logger.notice(
                "tunnel refused",
                metadata: [
                    "address": "\(connection.remoteAddress)", "user": "\(identity.user)",
                    "key": "\(identity.keyFingerprint)", "session": "\(name)", "reason": "\(error)",
                ]
            )
            channel.close()
        }
    }

    func connection(
        _ connection: SSHServerConnection,
        execRequested command: String,
        reply: @escaping (ExecReply) -> Void
    ) -> Bool {
        switch command {
        case "info":
            var information = ServerInformation(server, configuration.current, resolvers: resolvers.addresses)
            information.security = connection.security
            information.egressFamilies = oversight.egress.names
            reply(ExecReply(output: JSONText.encode(information)))
        case "status":
            let (server, user, loop) = (server, connection.user, connection.loop)
            nonisolated(unsafe) let reply = reply  // called on its loop only
            Task {
                let output = JSONText.encode(await server.status(user: user))
                loop.execute { reply(ExecReply(output: output)) }
            }
        default: return false
        }
        return true
    }

    func connectionDidClose(_ connection: SSHServerConnection) {
        let owner = ObjectIdentifier(connection)
        oversight.flowShares.release(owner)
        guard let client = tunnels.withLock({ $0.removeValue(forKey: owner) }), client.isConnected else { return }
        Task { [server] in await server.clientDisconnected(client) }
    }
}

/// A tunnel channel whose client has not said yet which session it wants.
///
/// The name comes, if at all, in an `env` request right behind the open; a client that sends packets first, or nothing
/// for a while, means the session without a name.
final class PendingTunnel: PacketTransportReceiver {
    private static let patience: UInt64 = 250_000_000

    private let channel: SSHChannel
    private let connection: SSHServerConnection
    private let framing: ChannelFraming
    private let service: TunnelService
    private var isOver = false

    init(channel: SSHChannel, connection: SSHServerConnection, framing: ChannelFraming, service: TunnelService) {
        self.channel = channel
        self.connection = connection
        self.framing = framing
        self.service = service
    }

    func wait() {
        channel.setReceiver(self)
        // Stock ssh names its session by the unit number in the open, and sends nothing of its own accord.
        if framing == .openSSH {
            return attach(name: OpenSSHTunnelRequest.sessionName(OpenSSHTunnelRequest.unit(channel.openPayload)))
        }
        channel.loop.scheduleHere(after: Self.patience) { self.attach(name: "") }
    }

    func attach(name: String) {
        guard !isOver else { return }
        isOver = true
        service.attach(channel, of: connection, framing: framing, name: name)
    }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        attach(name: "")
        if let receiver = channel.receiver, receiver !== self { receiver.transportDidReceive(&bytes) }
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) {
        isOver = true
    }
}
