internal import EventLoops
internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration
internal import UnixSignals

/// The client, from its options on.
enum TunnelClientProgram {
    /// Keeps a tunnel up until told to stop.
    ///
    /// - Parameter options: checked options.
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func run(_ options: UpOptions) async -> ExitStatus {
        // A command of --via may go at any time.
        signal(SIGPIPE, SIG_IGN)
        let logger = makeLogger(verbosity: options.connection.verbosity)
        if let newer = SSHLibrary.newerInstallation() { logger.warning("\(newer)") }
        // What a killed client has left may keep this one from finding its server.
        await recover(NetworkSetupOptions(usesSudo: options.usesSudo, logger: logger))
        let (events, sender) = AsyncStream<TunnelSupervisor.Event>.makeStream()
        let hangUp = HangUp()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let hangUps = await UnixSignalsSequence(trapping: hangUp.isIgnored ? [] : [.sighup])
        let forwarding = Task {
            for await signal in signals { sender.yield(.signal("\(signal)")) }
        }
        let forwardingHangUps = Task {
            for await signal in hangUps { sender.yield(hangUp.ends ? .signal("\(signal)") : .hangUp) }
        }
        defer {
            forwarding.cancel()
            forwardingHangUps.cancel()
        }
        do {
            try LocalAddressCheck.check(options)
            let loop = try EventLoop(name: "ptun-client")
            defer {
                ChildProcess.endAll()
                loop.stop()
            }
            let supervisor = TunnelSupervisor(options, loop: loop, events: sender, logger: logger)
            return try await supervisor.run(events)
        } catch {
            StandardError.printLine("packet-tunnel: \(error)")
            return ExitStatus(for: error)
        }
    }

    static func makeLogger(verbosity: Int) -> Logger {
        var logger = Logger(label: "packet-tunnel", factory: { TextLogHandler(label: $0) })
        logger.logLevel = verbosity > 1 ? .trace : verbosity == 1 ? .debug : .info
        return logger
    }
}

extension ExitStatus {
    /// What an error of the tunnel's parts means to a script.
    init(for error: any Error) {
        switch error {
        case let error as SSHClientError: self = Self.status(of: error.kind)
        case let error as CommandError: self = error.exitStatus
        case let error as NetworkSetupError: self = error.kind == .notPermitted ? .permission : .unavailable
        case is ConfigurationError: self = .configuration
        case is SystemCallError: self = .systemError
        default: self = .software
        }
    }

    private static func status(of kind: SSHClientError.Kind) -> ExitStatus {
        switch kind {
        case .usage: .usage
        case .unreachable: .unavailable
        case .temporary: .temporary
        case .hostKeyUnknown, .hostKeyChanged, .protocolViolation: .protocol
        case .permission: .permission
        case .configuration: .configuration
        }
    }
}
