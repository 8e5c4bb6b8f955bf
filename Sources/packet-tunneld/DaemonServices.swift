internal import EventLoops
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration
internal import TunnelControl

/// The ways into a running daemon: its SSH server, its control socket, and its PID file for those who send it signals.
struct DaemonServices {
    private let sshServer: SSHServer
    private let control: ControlService
    /// Nil where no control socket is wanted.
    private let controlServer: ControlServer?
    private let pidFile: PidFile?

    /// Opens them all.
    ///
    /// - Throws: `SSHError`, `ControlError`, `PidFileError`.
    init(
        _ live: LiveConfiguration,
        _ server: PacketTunnelServer,
        _ oversight: TunnelOversight,
        _ resolvers: HostResolvers,
        loops: [EventLoop],
        logger: Logger
    ) throws {
        let service = TunnelService(
            server: server,
            configuration: live,
            resolvers: resolvers,
            oversight: oversight,
            logger: logger
        )
        let sshServer = try SSHServer.start(
            configuration: SSHServerConfiguration(live, logger: logger),
            loops: loops,
            delegate: service,
            logger: logger
        )
        self.sshServer = sshServer
        control = ControlService(
            server: server,
            configuration: live,
            oversight: oversight,
            loops: loops,
            keys: { sshServer.keyStatus },
            logger: logger
        )
        controlServer = try control.start()
        pidFile = try live.current.pidFile.map { (path) throws(PidFileError) in try PidFile(path) }
    }

    /// Says by which keys and where the daemon can be reached.
    func announce(device: String, logger: Logger) {
        for key in sshServer.hostKeys {
            logger.info("host key", metadata: ["type": "\(key.type)", "fingerprint": "\(key.fingerprint)"])
        }
        let addresses = sshServer.addresses.map(\.description).joined(separator: " ")
        logger.notice("ready", metadata: ["listening": "\(addresses)", "device": "\(device)"])
    }

    /// Ends the tunnels of users of this host whom the configuration does not admit any more.
    func endRefused() async { await control.endRefused() }

    /// Closes both servers; tunnels end with them.
    func stop() async {
        await controlServer?.stop()
        sshServer.stop()
    }

    func removePidFile() { pidFile?.remove() }
}
