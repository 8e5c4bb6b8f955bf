internal import EventLoops
internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration
internal import TunnelControl
internal import UnixSignals

/// The daemon, from its configuration on: loops, device, network, core, SSH server, in this order, and back.
enum DaemonProgram {
    /// Runs until told to stop.
    ///
    /// - Parameters:
    ///   - configuration: checked settings.
    ///   - reload: reads them anew.
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func run(
        _ configuration: DaemonConfiguration,
        reload: @escaping @Sendable () throws(ConfigurationProblems) -> LoadedConfiguration
    ) async -> ExitStatus {
        // The reader of a pipe may go at any time: a write must fail, not end the program.
        signal(SIGPIPE, SIG_IGN)
        raiseDescriptorLimit()
        let logger = ProgramLog.make(configuration)
        if let newer = SSHLibrary.newerInstallation() { logger.warning("\(newer)") }
        let live = LiveConfiguration(configuration, logger: logger, load: reload)
        let (events, sender) = AsyncStream<HostFollower.Event>.makeStream()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        let forwarding = Task {
            for await signal in signals { sender.yield(signal == .sighup ? .reload : .signal("\(signal)")) }
        }
        defer { forwarding.cancel() }
        do {
            let loops = try (0..<(configuration.loops ?? ProcessorCount.available)).map {
                try EventLoop(name: "ptun-loop-\($0)")
            }
            defer { for loop in loops { loop.stop() } }
            return try await run(live, loops: loops, logger: logger, events: (events, sender))
        } catch let error as NetworkSetupError {
            return fail("\(error)", error.kind == .notPermitted ? .permission : .unavailable)
        } catch let error as SSHError {
            return fail("\(error)", error.kind == .configuration ? .configuration : .unavailable)
        } catch let error as ControlError {
            return fail("\(error)", .unavailable)
        } catch let error as PidFileError {
            return fail("\(error)", .unavailable)
        } catch let error as ConfigurationError {
            return fail("\(error)", .configuration)
        } catch {
            return fail("\(error)", .systemError)
        }
    }

    /// A connection takes a descriptor; shells and service managers give 1,024 to programs that do not ask for more.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private static func fail(_ message: String, _ status: ExitStatus) -> ExitStatus {
        StandardError.printLine("packet-tunneld: \(message)")
        return status
    }

    private static func run(
        _ live: LiveConfiguration,
        loops: [EventLoop],
        logger: Logger,
        events: (stream: AsyncStream<HostFollower.Event>, sender: AsyncStream<HostFollower.Event>.Continuation)
    ) async throws -> ExitStatus {
        let options = NetworkSetupOptions(live.current, logger: logger)
        await InterfaceSetup.removeLeftovers(options)
        let resolvers = HostResolvers(live.current, logger: logger)
        let configuration = try live.current.choosingPools(resolvers: resolvers.addresses, logger: logger)

        let device = try await TunDevice.open(
            name: configuration.tunDevice,
            mtu: configuration.mtu,
            loops: loops,
            options: options
        )
        let setup = try await InterfaceSetup.server(
            ServerNetwork(configuration, resolvers: resolvers.addresses),
            device: device,
            options: options
        )
        let lanes = zip(loops, device.lanes).map { PacketTunnelServer.Lane(loop: $0, device: $1) }
        do {
            // No lease of an earlier run is left, but the kernel may well remember its connections.
            try await ConnectionTracking.forget([configuration.pools.ipv4, configuration.pools.ipv6], options: options)
            let policy = try TrafficPolicy(configuration, ignoring: device.index)
            let server = try PacketTunnelServer(
                configuration: ServerConfiguration(
                    configuration,
                    policy: policy,
                    resolvers: resolvers,
                    options: options
                ),
                lanes: lanes,
                logger: logger
            )
            let follower = HostFollower(
                configuration,
                following: live,
                resolvers: resolvers,
                server: server,
                device: device,
                setup: setup,
                options: options,
                policy: policy,
                events: events.sender
            )
            server.start()
            EgressWatch(server: server, interface: configuration.egressInterface, logger: logger).update()
            let dnsQuality = configuration.tracksDNSFlows ? DNSQuality() : nil
            let flowShares = FlowShares(
                mostOfTunnel: configuration.maxFlows,
                mostOfKey: configuration.maxFlowsPerKey
            )
            let tracked = TrackedConnections(
                server: server,
                limit: configuration.maxFlowsPerKey,
                deletes: !options.usesSudo,
                logger: logger
            )
            let bounding = Task { await tracked.keepBelowLimit() }
            defer { bounding.cancel() }
            let egress = EgressFamilies(through: configuration.egressInterface)
            let looking = Task { await egress.keepUpToDate() }
            defer { looking.cancel() }
            let service = TunnelService(
                server: server,
                configuration: live,
                resolvers: resolvers,
                dnsQuality: dnsQuality,
                flowShares: flowShares,
                egress: egress,
                logger: logger
            )
            let sshServer = try SSHServer.start(
                configuration: SSHServerConfiguration(live, logger: logger),
                loops: loops,
                delegate: service,
                logger: logger
            )
            let control = ControlService(
                server: server,
                configuration: live,
                dnsQuality: dnsQuality,
                loops: loops,
                flowShares: flowShares,
                tracked: tracked,
                keys: { sshServer.keyStatus },
                logger: logger
            )
            let controlServer = try control.start()
            let pidFile = try configuration.pidFile.map { (path) throws(PidFileError) in try PidFile(path) }
            defer { pidFile?.remove() }
            for key in sshServer.hostKeys {
                logger.info("host key", metadata: ["type": "\(key.type)", "fingerprint": "\(key.fingerprint)"])
            }
            let addresses = sshServer.addresses.map(\.description).joined(separator: " ")
            logger.notice("ready", metadata: ["listening": "\(addresses)", "device": "\(device.name)"])
            let signal = try await follower.run(events.stream, loop: loops[0]) {
                if live.reload() { await control.endRefused() }
            }
            logger.notice("stopping", metadata: ["signal": "\(signal)"])
            await controlServer?.stop()
            sshServer.stop()
            await setup.undo()
            await server.stop()
            return .success
        } catch {
            await setup.undo()
            throw error
        }
    }
}
