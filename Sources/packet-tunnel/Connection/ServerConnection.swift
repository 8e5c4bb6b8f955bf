internal import EventLoops
internal import IPPacket
internal import LinuxNetwork
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import Synchronization
internal import TunnelConfiguration

/// A logged-in connection to a server, and what the server says of itself. Made by blocking calls, off every loop.
///
/// It is `Sendable` because one thread after the other uses it, never two at once.
final class ServerConnection: TunnelConnection, @unchecked Sendable {  // one thread after the other
    /// Where this connection's TCP connection leads: to the server, or to the first jump host.
    var peers: [ServerEndpoint] { path.map { [$0.server] } ?? [] }
    var currentPeers: [ServerEndpoint] { peers }
    var serverNames: [String] { [client.host] }
    /// The login has shown it.
    let awaitsAnswer = false
    var security: TransportSecurity? { client.security }
    private let client: SSHClient
    /// Nil behind a proxy command without a connection of its own.
    private let path: LinePath?
    private let tunnel = Mutex<SSHClientTunnel?>(nil)

    /// Connects and logs in.
    ///
    /// - Throws: `SSHClientError`.
    init(_ options: ConnectionOptions, _ context: ConnectingContext? = nil) throws {
        var configuration = try Self.configuration(options)
        configuration.prepareSocket = { socket in
            HostNetwork.markAsOutside(socket.descriptor)
            let endpoint = ServerEndpoint(socket.address, port: socket.port)
            let isServer = socket.purpose == .server
            try context?.reaching(endpoint, isServer)
        }
        if let context { configuration.pathNotice = context.pathChanged }
        // resolv.conf may name the tunnel's resolvers, which nobody reaches from outside of it.
        configuration.nameServers = { ResolverSetup.nameServersBefore() }
        // A line that was there will be there again soon: better to begin anew than to wait long.
        if let context, !context.isFirst, options.option("ConnectTimeout") == nil {
            try configuration.setOption("ConnectTimeout=\(Self.secondsToReconnect)")
        }
        client = try SSHClient(connecting: configuration, prompts: Terminal.prompts)
        if let process = client.proxyProcess {
            path = ChildConnections(of: process).established.first
        } else {
            var path: LinePath?
            if let local = client.localAddress, let server = client.peers.first, let port = client.peerPort {
                path = LinePath(local: local, server: ServerEndpoint(server, port: port))
                path?.isBound = client.isBound
            }
            self.path = path
        }
    }

    private static let secondsToReconnect = 6

    private static func configuration(_ options: ConnectionOptions) throws -> SSHClientConfiguration {
        guard let destination = options.destination else {
            throw SSHClientError(.usage, "no host is given; write packet-tunnel up [user@]host")
        }
        var configuration = try SSHClientConfiguration(destination: destination.host)
        configuration.user = destination.user
        configuration.port = options.port ?? destination.port
        configuration.identityFiles = options.identityFiles
        switch options.configurationFile {
        case nil: configuration.file = .standard
        case "none": configuration.file = .none
        case let path?: configuration.file = .path(path)
        }
        for option in options.options { try configuration.setOption(option.description) }
        configuration.bindToDevice = { try HostNetwork.bindToDevice($0, $1) }
        configuration.notice = { StandardError.printLine("packet-tunnel: \($0)") }
        // As with ssh: steps with one -v, the values behind them with two.
        configuration.progress = { [verbosity = options.verbosity] line, isDetail in
            let level = isDetail ? 2 : 1
            if verbosity >= level { StandardError.printLine("packet-tunnel: debug\(level): \(line)") }
        }
        return configuration
    }

    /// Asks a question of ours; nil if the server knows no such thing.
    func ask(_ question: ServerQuestion) throws -> SSHClientCommandResult {
        // A server of others would run it as a command.
        if let other = client.otherServerAdvice {
            throw SSHClientError(.protocolViolation, "the server does not answer \"\(question.rawValue)\": \(other)")
        }
        return try client.exec(question.rawValue)
    }

    /// What the server says of itself; nil for a server of others.
    func information() -> ServerInformation? {
        guard isOurs, let answer = try? ask(.info), answer.status == 0
        else { return nil }
        return ServerInformation(json: answer.output)
    }

    func openTunnel(
        _ choice: ChannelTypeChoice,
        sessionName: String,
        on loop: EventLoop,
        whenDone: @escaping TunnelOpening
    ) {
        do throws(SSHClientError) {
            try client.openTunnel(on: loop, offers: Self.offers(choice), sessionName: sessionName) { [self] tunnel in
                self.tunnel.withLock { $0 = tunnel }
                guard let framing = ChannelFraming(rawValue: tunnel.type) else { return tunnel.close() }
                whenDone(.success((tunnel.channel, framing)))
            }
        } catch {
            whenDone(.failure(error))
        }
    }

    func hasOtherClient(ofSession name: String) -> Bool {
        guard isOurs, let answer = try? ask(.status), let sessions = SessionStatus.list(json: answer.output) else {
            return false
        }
        return sessions.contains { $0.name == name && $0.channelType != nil }
    }

    var pathState: LinePath.State { path?.state ?? .unchanged }

    func stayOnInterface() {
        guard let interface = path?.interface, let tunnel = tunnel.withLock({ $0 }) else { return }
        tunnel.stay(on: interface)
    }

    func probe(whenSilent: @escaping @Sendable () -> Void) {
        tunnel.withLock { $0 }?.probe(whenSilent: whenSilent)
    }

    func watch(whenDoubtful: @escaping @Sendable (String) -> Void) {
        tunnel.withLock { $0 }?.watch { whenDoubtful("the server acknowledges nothing") }
    }

    func askInformation(whenAnswered: @escaping @Sendable (ServerInformation) -> Void) {
        guard isOurs, let tunnel = tunnel.withLock({ $0 }) else { return }
        tunnel.ask(ServerQuestion.info.rawValue) { answer in
            if let information = ServerInformation(json: answer) { whenAnswered(information) }
        }
    }

    /// As with `information`, a server of others is not asked.
    func askSession(_ name: String, whenAnswered: @escaping @Sendable (SessionStatus) -> Void) -> Bool {
        guard isOurs, let tunnel = tunnel.withLock({ $0 }) else { return false }
        tunnel.ask(ServerQuestion.status.rawValue) { answer in
            guard let sessions = SessionStatus.list(json: answer) else { return }
            if let session = sessions.first(where: { $0.name == name }) { whenAnswered(session) }
        }
        return true
    }

    /// The connection ends with its tunnel; one without, or whose tunnel is no longer wanted, now.
    func end() -> ConnectionEnd {
        if let tunnel = tunnel.withLock({ $0 }) { tunnel.close() } else { client.close() }
        return ConnectionEnd()
    }

    private var isOurs: Bool { client.otherServerAdvice == nil }

    /// Super-packets first; what every server of this kind speaks as the fallback.
    private static func offers(_ choice: ChannelTypeChoice) -> [SSHTunnelOffer] {
        switch choice {
        case .automatic: [.gso, .psiphon, .openSSH].map { SSHTunnelOffer($0) }
        case .gso: [SSHTunnelOffer(.gso)]
        case .psiphon: [SSHTunnelOffer(.psiphon)]
        case .openSSH: [SSHTunnelOffer(.openSSH)]
        }
    }
}

/// What a server can be asked without a tunnel; the words are the commands of the SSH session channel.
enum ServerQuestion: String {
    /// MTU, DNS addresses, version, limits.
    case info
    /// The user's own sessions.
    case status
}
