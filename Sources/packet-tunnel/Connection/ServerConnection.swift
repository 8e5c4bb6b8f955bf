internal import EventLoops
internal import IPPacket
internal import LinuxNetwork
internal import PacketTunnel
internal import SSHTransport
internal import Synchronization
internal import TunnelConfiguration

/// A logged-in connection to a server, and what the server says of itself. Made by blocking calls, off every loop.
///
/// It is `Sendable` because one thread after the other uses it, never two at once.
final class ServerConnection: TunnelConnection, @unchecked Sendable {
    /// The server, the first jump host, or those that a proxy command is connected to.
    let peers: [ServerEndpoint]
    /// The login has shown it.
    let awaitsAnswer = false
    var security: TransportSecurity? { client.security }
    private let client: SSHClient
    private let tunnel = Mutex<SSHClientTunnel?>(nil)

    /// Connects and logs in.
    ///
    /// - Throws: `SSHClientError`.
    init(_ options: ConnectionOptions) throws {
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
        for option in options.options { try configuration.setOption("\(option.name)=\(option.value)") }
        configuration.bindToDevice = { try HostNetwork.bindToDevice($0, $1) }
        configuration.notice = { StandardError.printLine("packet-tunnel: \($0)") }
        client = try SSHClient(connecting: configuration, prompts: Terminal.prompts)
        peers =
            client.peers.map { ServerEndpoint($0, port: client.peerPort ?? client.port) }
            + (client.proxyProcess.map { ChildConnections(of: $0).established } ?? [])
    }

    /// Asks a question of ours; nil if the server knows no such thing.
    func ask(_ question: ServerQuestion) throws -> SSHClientCommandResult {
        try client.exec(question.rawValue)
    }

    /// What the server says of itself. A server of others runs what it is asked as a command, so it is not asked.
    func information() -> ServerInformation? {
        guard client.serverBanner.contains(SSHServerConfiguration.programName),
            let answer = try? ask(.info), answer.status == 0
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

    func hangUp() { tunnel.withLock { $0 }?.close() }

    /// The connection ends with its tunnel.
    func end() -> ConnectionEnd { ConnectionEnd() }

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
