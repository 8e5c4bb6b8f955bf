internal import EventLoops
internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration
internal import TunnelControl
internal import UnixSignals

/// The daemon, from its configuration on: loops, device, network, core, SSH server, in this order, and back.
enum DaemonProgram {
    /// Runs until told to stop.
    ///
    /// - Parameter configuration: checked settings.
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func run(_ configuration: DaemonConfiguration) async -> ExitStatus {
        // Whoever reads what was written to a pipe may go at any time.
        signal(SIGPIPE, SIG_IGN)
        raiseDescriptorLimit()
        let logger = ProgramLog.make(configuration)
        if let newer = SSHLibrary.newerInstallation() { logger.warning("\(newer)") }
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        do {
            let loops = try (0..<(configuration.loops ?? ProcessorCount.available)).map {
                try EventLoop(name: "ptun-loop-\($0)")
            }
            defer { for loop in loops { loop.stop() } }
            return try await run(configuration, loops: loops, logger: logger, until: signals)
        } catch let error as NetworkSetupError {
            return fail("\(error)", error.kind == .notPermitted ? .permission : .unavailable)
        } catch let error as SSHError {
            return fail("\(error)", error.kind == .configuration ? .configuration : .unavailable)
        } catch let error as ControlError {
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
        _ configuration: DaemonConfiguration,
        loops: [EventLoop],
        logger: Logger,
        until signals: UnixSignalsSequence
    ) async throws -> ExitStatus {
        var options = NetworkSetupOptions(logger: logger)
        options.stateDirectory = configuration.stateDirectory
        options.usesSudo = configuration.usesSudo
        options.allowsMissingIPv6 = configuration.allowsNoIPv6
        await InterfaceSetup.removeLeftovers(options)

        let device = try await TunDevice.open(
            name: configuration.tunDevice,
            mtu: configuration.mtu,
            loops: loops,
            options: options
        )
        let setup = try await InterfaceSetup.server(
            ServerNetwork(configuration),
            device: device,
            options: options
        )
        let queues = zip(loops, device.queues).map { PacketTunnelServer.Queue(loop: $0, device: $1) }
        do {
            let server = try PacketTunnelServer(
                configuration: ServerConfiguration(configuration, logger: logger),
                queues: queues,
                logger: logger
            )
            server.start()
            let dnsQuality = configuration.tracksDNSFlows ? DNSQuality() : nil
            let service = TunnelService(
                server: server,
                configuration: configuration,
                dnsQuality: dnsQuality,
                logger: logger
            )
            let sshServer = try SSHServer.start(
                configuration: SSHServerConfiguration(configuration, logger: logger),
                loops: loops,
                delegate: service,
                logger: logger
            )
            let control = ControlService(
                server: server,
                configuration: configuration,
                dnsQuality: dnsQuality,
                loops: loops,
                logger: logger
            )
            let controlServer = try control.start()
            let addresses = sshServer.addresses.map(\.description).joined(separator: " ")
            logger.notice("ready", metadata: ["listening": "\(addresses)", "device": "\(device.name)"])
            for await signal in signals {
                logger.notice("stopping", metadata: ["signal": "\(signal)"])
                break
            }
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
