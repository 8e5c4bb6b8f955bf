import EventLoops
/// How a server is reached: straight, through jump hosts, or by a proxy command.
struct ServerWay {
    private let configuration: SSHClientConfiguration
    private let settings: SSHClientSettings
    private let host: String
    private let port: UInt16
    private let user: String

    private var connector: ServerConnector { ServerConnector(configuration, settings, host: host, port: port) }

    init(
        _ configuration: SSHClientConfiguration,
        _ settings: SSHClientSettings,
        host: String,
        port: UInt16,
        user: String
    ) {
        self.configuration = configuration
        self.settings = settings
        self.host = host
        self.port = port
        self.user = user
    }

    /// A descriptor for the library, which is the caller's, what carries it, and by when keys have to be exchanged: jump
    /// hosts have time limits of their own.
    struct Opened {
        let descriptor: Int32
        let link: any ConnectionLink
        let deadline: Int
    }

    /// Makes the connection below SSH. Blocks.
    func open(avoiding stale: Set<ServerAddress>, prompts: SSHClientPrompts) throws(SSHClientError) -> Opened {
        if !settings.jumpHosts.isEmpty {
            let jump = try JumpLink.connect(
                through: settings.jumpHosts,
                to: host,
                port: port,
                for: configuration,
                prompts: prompts,
                timeout: settings.connectTimeout
            )
            return Opened(descriptor: jump.descriptor, link: jump.link, deadline: deadline)
        }
        if let command = try settings.proxyCommand() {
            let proxy = try ProxyCommand.start(command)
            return Opened(descriptor: proxy.descriptor, link: proxy.link, deadline: deadline)
        }
        let deadline = deadline
        // Where the server has failed at the places that are known, its name has so long to show another one.
        let limit = stale.isEmpty ? deadline : min(deadline, SystemClock.milliseconds + Self.patienceForOthers)
        let connected = try connector.connect(until: limit, avoiding: stale)
        let link = DirectLink(
            connected.address,
            descriptor: connected.descriptor,
            isBound: settings.bindAddress != nil || settings.bindInterface != nil
        )
        return Opened(descriptor: connected.descriptor, link: link, deadline: deadline)
    }

    /// Milliseconds.
    private static let patienceForOthers = 500

    private var deadline: Int { SystemClock.milliseconds + settings.connectTimeout * 1_000 }

    /// A login has succeeded over `link`.
    func noteSuccess(_ link: any ConnectionLink) {
        guard let link = link as? DirectLink else { return }
        AddressBook.note(link.address, of: connector.server)
    }

    /// The connection has failed although somebody has answered.
    ///
    /// - Returns: the address, if it is one that was only remembered, and the failure may be that of another host there.
    func noteFailure(_ link: any ConnectionLink, _ error: SSHClientError) -> ServerAddress? {
        guard let link = link as? DirectLink, AddressBook.addresses(of: connector.server).contains(link.address) else {
            return nil
        }
        switch error.kind {
        case .usage, .configuration, .permission: return nil
        case .unreachable, .temporary, .hostKeyUnknown, .hostKeyChanged, .protocolViolation: break
        }
        AddressBook.demote(link.address, of: connector.server)
        return link.address
    }
}
