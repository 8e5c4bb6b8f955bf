internal import EventLoops
internal import Glibc
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
        let host = try await DaemonHost(live, loops: loops, logger: logger)
        do {
            let policy = try TrafficPolicy(host.configuration, ignoring: host.device.index)
            let server = try await host.makeServer(policy, loops: loops)
            let follower = HostFollower(host, following: live, server: server, policy: policy, events: events.sender)
            server.start()
            EgressWatch(server: server, interface: host.configuration.egressInterface, logger: logger).update()
            let oversight = TunnelOversight(host, server)
            let watching = Task { await oversight.run() }
            defer { watching.cancel() }
            let services = try DaemonServices(live, server, oversight, host.resolvers, loops: loops, logger: logger)
            defer { services.removePidFile() }
            services.announce(device: host.device.name, logger: logger)
            let signal = try await follower.run(events.stream, loop: loops[0]) {
                if live.reload() { await services.endRefused() }
            }
            logger.notice("stopping", metadata: ["signal": "\(signal)"])
            await services.stop()
            await host.setup.undo()
            await server.stop()
            return .success
        } catch {
            await host.setup.undo()
            throw error
        }
    }

}
