internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import TunnelConfiguration

/// `--kill-switch`: from the moment that a tunnel is there until the client is stopped nothing leaves but through it, also
/// while it is down, and after the client's death.
final class TunnelProtection {
    private let options: UpOptions
    private let interface: String
    private let network: NetworkSetupOptions
    private let killSwitch: KillSwitch
    private var servers: Set<ServerEndpoint> = []
    private var names: Set<String> = []
    private var isArmed = false

    /// - Returns: nil if it is not asked for.
    init?(_ options: UpOptions, _ network: NetworkSetupOptions, interface: String) {
        guard options.hasKillSwitch else { return nil }
        self.options = options
        self.interface = interface
        self.network = network
        killSwitch = KillSwitch(network)
    }

    /// Lets connections to a server pass.
    func admit(_ server: ServerEndpoint) async throws(NetworkSetupError) {
        guard servers.insert(server).inserted, isArmed else { return }
        try await killSwitch.admit(server)
    }

    /// Puts it up, or up to date where it is up.
    ///
    /// - Parameter names: of servers, whose look-ups pass.
    /// - Throws: `NetworkSetupError`; of the kind `alreadyRunning` if another client has one: what that lets pass is not ours.
    func arm(names: [String]) async throws(NetworkSetupError) {
        if !isArmed, let other = otherClient, await killSwitch.isArmed {
            throw NetworkSetupError(
                .alreadyRunning,
                "the client of \(other.interface) may have put up its kill switch, and a host can have one",
                advice: "stop it first, or leave out --kill-switch"
            )
        }
        self.names.formUnion(names)
        isArmed = true
        try await update()
    }

    /// Follows the host to another local network.
    func update() async throws(NetworkSetupError) {
        guard isArmed else { return }
        let local = options.allowsLocalNetwork ? try HostNetwork.localNetworks(besides: interface) : []
        try await killSwitch.arm(
            KillSwitch.Rules(
                interface: interface,
                servers: Array(servers),
                names: Array(names),
                networks: options.excluded + local
            )
        )
    }

    private var otherClient: TunnelOwner? {
        TunnelOwner.all(network).first { $0.program == "packet-tunnel" && $0.interface != interface }
    }

    /// Takes it down.
    func disarm(logger: Logger) async {
        guard isArmed else { return }
        do {
            try await killSwitch.disarm()
            isArmed = false
        } catch {
            logger.warning("cannot take the kill switch down", metadata: ["error": "\(error)"])
        }
    }
}
