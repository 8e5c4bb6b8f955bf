internal import LinuxNetwork
internal import Logging
internal import TunnelConfiguration

extension TunnelClientProgram {
    /// Stops running clients, and takes back what killed ones have left.
    ///
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func takeDown(_ options: DownOptions) async -> ExitStatus {
        let logger = makeLogger(verbosity: options.verbosity)
        let network = NetworkSetupOptions(usesSudo: options.usesSudo, logger: logger)
        do {
            for owner in clients(options, network) { try owner.stop() }
            var isAllGone = await haveEnded(options, network, within: options.kills ? .seconds(5) : .seconds(20))
            if !isAllGone, options.kills {
                for owner in clients(options, network) {
                    logger.warning(
                        "client killed",
                        metadata: ["device": "\(owner.interface)", "process": "\(owner.process)"]
                    )
                    try owner.stop(kills: true)
                }
                isAllGone = await haveEnded(options, network, within: .seconds(5))
            }
            for owner in clients(options, network) {
                logger.error(
                    "client still runs",
                    metadata: ["device": "\(owner.interface)", "process": "\(owner.process)"]
                )
            }
            let isClean = await removeLeftovers(network)
            // Of a killed client; one that runs takes its own away when it stops.
            if TunnelOwner.all(network).allSatisfy({ $0.program != "packet-tunnel" }) {
                try await KillSwitch(network).disarm()
            }
            return !isAllGone ? .temporary : isClean ? .success : .unavailable
        } catch {
            StandardError.printLine("packet-tunnel: \(error)")
            return ExitStatus(for: error)
        }
    }

    /// Takes back all that killed clients have left on this host.
    static func removeLeftovers(_ network: NetworkSetupOptions) async -> Bool {
        let isClean = await InterfaceSetup.removeLeftovers(network)
        return await ResolverSetup.removeLeftovers(network) && isClean
    }

    /// What has to be seen to before a client connects: routes and resolvers of a killed one may keep it from finding its
    /// server. Its kill switch stays, for the next one to take over or for `down` to take away.
    static func recover(_ network: NetworkSetupOptions) async {
        _ = await removeLeftovers(network)
        let isOrphaned = TunnelOwner.all(network).allSatisfy { $0.program != "packet-tunnel" }
        guard isOrphaned, await KillSwitch(network).isArmed else { return }
        network.logger.notice(
            "the kill switch of a killed client lets its servers pass alone; \"packet-tunnel down\" ends it"
        )
    }

    /// Running clients; the daemon keeps its state in the same directory.
    private static func clients(_ options: DownOptions, _ network: NetworkSetupOptions) -> [TunnelOwner] {
        TunnelOwner.all(network).filter {
            $0.program == "packet-tunnel" && (options.device == nil || $0.interface == options.device)
        }
    }

    private static func haveEnded(
        _ options: DownOptions,
        _ network: NetworkSetupOptions,
        within limit: Duration
    ) async -> Bool {
        let end = ContinuousClock.now + limit
        while !clients(options, network).isEmpty {
            guard ContinuousClock.now < end else { return false }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return true
    }
}
