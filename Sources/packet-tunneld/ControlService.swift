internal import Dispatch
internal import EventLoops
internal import Glibc
internal import IPPacket
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import Synchronization
internal import TunnelConfiguration
internal import TunnelControl

/// Gives the descriptors that processes of this host pass to the core, and tells them of sessions.
///
/// The kernel says which user a process belongs to; the configuration's rules for users and traffic hold as for SSH.
final class ControlService: ControlServerDelegate {
    /// The group whose members may use the control socket.
    static let group = "packet-tunnel"
    /// Where a process of this host counts as coming from: `AllowUsers alice@127.0.0.1` admits alice by this way alone.
    private static let localSource = IPAddress(ipv4: 0x7f00_0001)

    /// The address of such a client in log lines.
    private static let localAddress = "local"

    private let server: PacketTunnelServer
    private let configuration: LiveConfiguration
    private let oversight: TunnelOversight
    private let loops: [EventLoop]
    private let keys: @Sendable () -> [SSHServerKeyStatus]
    private let logger: Logger
    private let loads: Mutex<[Int]>
    /// Names of users may come from the network.
    private let accounts = DispatchQueue(label: "packet-tunneld.accounts")

    init(
        server: PacketTunnelServer,
        configuration: LiveConfiguration,
        oversight: TunnelOversight,
        loops: [EventLoop],
        keys: @escaping @Sendable () -> [SSHServerKeyStatus],
        logger: Logger
    ) {
        self.server = server
        self.configuration = configuration
        self.oversight = oversight
        self.loops = loops
        self.keys = keys
        self.logger = logger
        loads = Mutex(Array(repeating: 0, count: loops.count))
    }

    /// Opens the socket that the configuration names; nil if it names none.
    func start() throws -> ControlServer? {
        guard let path = configuration.current.controlSocketPath else { return nil }
        return try ControlServer(path: path, group: Self.group, loop: loops[0], delegate: self, logger: logger)
    }

    func control(_ connection: ControlConnection, asks request: ControlRequest) {
        let peer = connection.peer
        let bound = LoopBound(current: connection, on: connection.loop)
        accounts.async { [self] in
            let name = peer.lookUpUserName()
            bound.execute { self.answer($0, request, user: name) }
        }
    }

    private func answer(_ connection: ControlConnection, _ request: ControlRequest, user: String?) {
        guard let user else {
            return refuse(connection, user: "\(connection.peer.user)", .permission, "this user has no account")
        }
        switch request {
        case .status:
            // Root may see what it could do anything to.
            let everybody = connection.peer.user == 0
            let bound = LoopBound(current: connection, on: connection.loop)
            Task { [server, keys, oversight] in
                // The sessions first: to ask for them ends what is idle, and the rest counts it.
                var status = DaemonStatus(sessions: await server.status(user: everybody ? nil : user))
                if everybody {
                    status.server = await server.serverStatus()
                    status.dns = oversight.dnsQuality?.status
                    status.keys = keys()
                    status.flows = oversight.flowShares.status
                    await oversight.tracked.update()
                    status.tracking = oversight.tracked.status
                }
                let text = JSONText.encode(status)
                bound.execute { $0.finish(text: String(decoding: text, as: UTF8.self)) }
            }
        case .tunnel(let tunnel, let descriptors):
            open(tunnel, descriptors, for: connection, user: user)
        }
    }

    private func refuse(_ connection: ControlConnection, user: String, _ status: ExitStatus, _ reason: String) {
        log("tunnel refused", user: user, reason)
        connection.finish(.refused(reason: reason, exitStatus: status.rawValue))
    }

    private func log(_ event: String, user: String, _ reason: String) {
        logger.notice(
            "\(event)",
            metadata: ["address": "\(Self.localAddress)", "user": "\(user)", "reason": "\(reason)"]
        )
    }

    // MARK: Tunnels

    /// Ends the tunnels of users of this host whom the configuration does not admit any more. Those of SSH are looked at by
    /// the server itself.
    func endRefused() async {
        let configuration = configuration.current
        for session in await server.status() where session.keyFingerprint.hasPrefix(ControlPeer.fingerprintPrefix) {
            guard session.channelType != nil, configuration.refusal(of: session.user, from: Self.localSource) != nil
            else {
                continue
            }
            await server.disconnect(
                SessionIdentity(user: session.user, keyFingerprint: session.keyFingerprint, name: session.name)
            )
        }
    }

    private func open(
        _ request: TunnelRequest,
        _ descriptors: PassedDescriptors,
        for connection: ControlConnection,
        user: String
    ) {
        if let reason = configuration.current.refusal(of: user, from: Self.localSource) {
            log("user not admitted", user: user, reason)
            return refuse(connection, user: user, .permission, "user \(user) may not use this server")
        }
        // The messages of `tun@openssh.com` have no length of their own, and a stream has no messages.
        guard let framing = ChannelFraming(rawValue: request.channelType), framing != .openSSH else {
            return refuse(connection, user: user, .usage, "there is no such framing for a stream")
        }
        let name: String
        do throws(ValueProblem) {
            name = request.session.isEmpty ? "" : try SessionName(parsing: request.session).description
        } catch {
            return refuse(connection, user: user, .usage, "\(error)")
        }
        let identity = SessionIdentity(user: user, keyFingerprint: connection.peer.keyFingerprint, name: name)
        do throws(ControlError) {
            let streams = try descriptors.takeStreams()
            let place = takePlace()
            let bound = LoopBound(current: connection, on: connection.loop)
            loops[place].execute { self.attach(streams, framing, identity, to: place, for: bound) }
        } catch {
            refuse(connection, user: user, .usage, "\(error)")
        }
    }

    /// On the loop of the tunnel.
    private func attach(
        _ streams: (input: Int32, output: Int32),
        _ framing: ChannelFraming,
        _ identity: SessionIdentity,
        to place: Int,
        for connection: LoopBound<ControlConnection>
    ) {
        let loop = loops[place]
        do {
            let transport = try DescriptorTransport(input: streams.input, output: streams.output, loop: loop)
            transport.peerAddress = Self.localAddress
            let share = ObjectIdentifier(transport)
            transport.onEnd = { [self] reason in
                loads.withLock { $0[place] -= 1 }
                oversight.flowShares.release(share)
                connection.execute { $0.finish(.ended(reason: reason)) }
            }
            do throws(SessionError) {
                var hooks = KeyHooks(configuration.current, TunnelRestrictions(), oversight.dnsQuality).hooks(
                    for: server
                )
                hooks.use(oversight.flowShares.take(identity.keyFingerprint, for: share, now: loop.now))
                try server.clientConnected(identity, transport: transport, framing: framing, hooks: hooks)
            } catch {
                connection.execute { self.refuse($0, user: identity.user, .temporary, "\(error)") }
                return transport.close()
            }
            connection.execute { connection in
                connection.send(.accepted)
                connection.whenClosed { loop.execute { transport.close() } }
            }
        } catch {
            loads.withLock { $0[place] -= 1 }
            connection.execute { self.refuse($0, user: identity.user, .systemError, "\(error)") }
        }
    }

    /// The loop with the fewest tunnels of this kind; those of SSH are spread evenly.
    private func takePlace() -> Int {
        loads.withLock { loads in
            let place = loads.indices.min { loads[$0] < loads[$1] } ?? 0
            loads[place] += 1
            return place
        }
    }
}
