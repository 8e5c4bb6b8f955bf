internal import CLibSSH
internal import PacketTunnel

/// One connection that has been made and logged in on, with a libssh session of its own.
struct SSHClientLogin {
    let host: String
    let port: UInt16
    let user: String
    let hostKey: SSHPublicKey
    let link: any ConnectionLink
    let handle: SSHClientHandle

    /// Connects and logs in. An address that is only remembered, and at which somebody else has answered, makes way for
    /// the others.
    static func succeeding(
        _ configuration: SSHClientConfiguration,
        _ settings: SSHClientSettings,
        _ prompts: SSHClientPrompts
    ) throws(SSHClientError) -> SSHClientLogin {
        var stale: Set<ServerAddress> = []
        var first: SSHClientError?
        libssh_shim_begin_blocking()
        defer { libssh_shim_end_blocking() }
        while true {
            do throws(Failure) {
                return try SSHClientLogin(configuration, settings, prompts, avoiding: stale)
            } catch {
                if first == nil { first = error.error }
                guard let address = error.stale, stale.insert(address).inserted else { throw first ?? error.error }
            }
        }
    }

    private struct Failure: Error {
        let error: SSHClientError
        /// The remembered address that it happened at.
        var stale: ServerAddress?
    }

    private init(
        _ configuration: SSHClientConfiguration,
        _ settings: SSHClientSettings,
        _ prompts: SSHClientPrompts,
        avoiding stale: Set<ServerAddress>
    ) throws(Failure) {
        var way: ServerWay?
        var link: (any ConnectionLink)?
        do throws(SSHClientError) {
            handle = try SSHClientHandle()
            try settings.apply(to: handle.session)
            handle.congestionControl = settings.congestionControl
            handle.onPathChange = { [notice = configuration.pathNotice] in notice($0.description, $0.advice) }
            (host, port, user) = (settings.host, settings.port, settings.user)
            for line in settings.values.lines { configuration.progress(line, true) }
            configuration.progress("connecting to \(host) port \(port)", false)
            let hostKeyCheck = try SSHClientHostKey(settings: settings)
            try settings.setHostKeyAlgorithms(hostKeyCheck.preferredAlgorithms, of: handle.session)
            let found = ServerWay(configuration, settings, host: host, port: port, user: user)
            way = found
            let opened = try found.open(avoiding: stale, prompts: prompts)
            link = opened.link
            self.link = opened.link
            try handle.use(opened.descriptor, of: opened.link)
            try handle.connect(to: "\(host) port \(port)", until: opened.deadline)
            handle.setTimeout(settings.connectTimeout)
            Self.tellGreeting(of: handle, opened.link, configuration)
            hostKey = try hostKeyCheck.check(
                handle.session,
                confirm: settings.isBatch ? nil : prompts.confirmHostKey,
                notice: configuration.notice
            )
            try Self.authenticate(handle, settings, prompts)
            configuration.progress("logged in as \(user)", false)
            found.noteSuccess(opened.link)
        } catch {
            throw Failure(error: link?.explain(error) ?? error, stale: link.flatMap { way?.noteFailure($0, error) })
        }
    }

    private static func authenticate(
        _ handle: SSHClientHandle,
        _ settings: SSHClientSettings,
        _ prompts: SSHClientPrompts
    ) throws(SSHClientError) {
        var authentication = ClientAuthentication(
            handle.session,
            user: settings.user,
            settings: settings,
            passphrase: settings.isBatch ? nil : prompts.passphrase
        )
        try authentication.run()
    }

    private static func tellGreeting(
        of handle: SSHClientHandle,
        _ link: any ConnectionLink,
        _ configuration: SSHClientConfiguration
    ) {
        let peers = link.peers.map { "\($0.address) port \($0.port)" }.joined(separator: ", ")
        let banner = ssh_get_serverbanner(handle.session).map { SSHRuntime.printable(String(cString: $0)) } ?? ""
        configuration.progress("connected\(peers.isEmpty ? "" : " by \(peers)"); the server greets as \(banner)", false)
        let security = TransportSecurity(handle.session, hostKey: "")
        configuration.progress("key exchange \(security.keyExchange), cipher \(security.cipher)", true)
    }
}
