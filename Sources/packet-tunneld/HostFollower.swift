internal import EventLoops
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import TunnelConfiguration

/// Follows the host's network while the daemon runs: which networks are on its links, which addresses are its own, through
/// which interface packets leave, who resolves names; and brings the device back when somebody has removed it.
///
/// One task runs it; everything that happens reaches it as an event.
final class HostFollower {
    /// What happens.
    enum Event: Sendable {
        /// SIGINT or SIGTERM, by name.
        case signal(String)
        /// SIGHUP.
        case reload
        /// The network has changed, or may have.
        case changed
        /// The tun device was removed behind our back, or could not be brought back a moment ago.
        case deviceDisappeared
    }

    /// Nanoseconds that changes of the network are gathered for.
    private static let delay: UInt64 = 250_000_000
    /// The kernel reports no change of a resolver list.
    private static let resolverPeriod: Duration = .seconds(5)

    private let configuration: DaemonConfiguration
    private let resolvers: HostResolvers
    private let server: PacketTunnelServer
    private let device: TunDevice
    private let setup: InterfaceSetup
    private let options: NetworkSetupOptions
    private let events: AsyncStream<Event>.Continuation
    private var policy: TrafficPolicy
    private var restoreDelay: Duration = .zero
    /// A host with a million routes takes a second to list them: that is done a twentieth of the time at most.
    private var busyUntil: ContinuousClock.Instant = .now
    private var logger: Logger { options.logger }

    /// Before the server is started, so that nothing is missed.
    init(
        _ configuration: DaemonConfiguration,
        resolvers: HostResolvers,
        server: PacketTunnelServer,
        device: TunDevice,
        setup: InterfaceSetup,
        options: NetworkSetupOptions,
        policy: TrafficPolicy,
        events: AsyncStream<Event>.Continuation
    ) {
        self.configuration = configuration
        self.resolvers = resolvers
        self.server = server
        self.device = device
        self.setup = setup
        self.options = options
        self.policy = policy
        self.events = events
        device.whenGone { events.yield(.deviceDisappeared) }
    }

    /// Runs until a signal to stop, and returns its name.
    ///
    /// - Parameter reload: what SIGHUP asks for.
    func run(_ stream: AsyncStream<Event>, loop: EventLoop, reload: () async -> Void) async throws -> String {
        let events = events
        let monitor = try NetworkMonitor(loop: loop, delay: Self.delay) { _ in events.yield(.changed) }
        defer { monitor.stop() }
        let clock = Self.startClock(events)
        defer { clock.cancel() }
        // Once for what has changed before the monitor listened.
        events.yield(.changed)
        for await event in stream {
            switch event {
            case .signal(let name): return name
            case .reload: await reload()
            case .changed: await follow()
            case .deviceDisappeared: await restoreDevice()
            }
        }
        return ""
    }

    private static func startClock(_ events: AsyncStream<Event>.Continuation) -> Task<Void, Never> {
        Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: resolverPeriod)
                events.yield(.changed)
            }
        }
    }

    private func follow() async {
        let start = ContinuousClock.now
        guard start >= busyUntil else { return }
        do throws(NetworkSetupError) {
            let network = ServerNetwork(configuration, resolvers: resolvers.addresses)
            let now = try TrafficPolicy(configuration, ignoring: device.index)
            if now != policy {
                logger.info("networks of this host have changed", metadata: now.change(since: policy))
                policy = now
                server.setPolicy(now)
            }
            try await setup.update(network)
        } catch {
            // A default route comes and goes, while a cable is out or an address is renewed.
            let level: Logger.Level = error.kind == .noEgress ? .debug : .warning
            logger.log(level: level, "cannot follow a change of the network", metadata: ["reason": "\(error)"])
        }
        busyUntil = .now + (ContinuousClock.now - start) * 20
    }

    private func restoreDevice() async {
        if restoreDelay == .zero {
            logger.error("the device has disappeared", metadata: ["device": "\(device.name)"])
        }
        do throws(NetworkSetupError) {
            try await device.reopen(options)
            try await setup.restore(device)
            restoreDelay = .zero
            logger.notice("the device is back", metadata: ["device": "\(device.name)"])
        } catch {
            restoreDelay = restoreDelay == .zero ? .milliseconds(250) : min(restoreDelay * 2, .seconds(30))
            logger.error(
                "cannot bring the device back",
                metadata: ["reason": "\(error)", "next_attempt_in": "\(restoreDelay)"]
            )
            let (events, delay) = (events, restoreDelay)
            Task {
                try? await Task.sleep(for: delay)
                events.yield(.deviceDisappeared)
            }
        }
    }
}

extension TrafficPolicy {
    /// For a log line: what came and went among the networks that no packet may go to.
    func change(since old: TrafficPolicy) -> Logger.Metadata {
        let (old, new) = (Set(old.refusedNetworks), Set(refusedNetworks))
        let texts = { (networks: Set<IPPrefix>) in networks.map(\.description).sorted().joined(separator: " ") }
        return ["denied": "\(texts(new.subtracting(old)))", "no_longer_denied": "\(texts(old.subtracting(new)))"]
    }

    private var refusedNetworks: [IPPrefix] { deniedNetworks + alwaysDeniedNetworks }
}
