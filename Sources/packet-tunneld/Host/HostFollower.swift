internal import EventLoops
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

    /// The kernel reports no change of a resolver list.
    private static let resolverPeriod: Duration = .seconds(5)

    private let host: DaemonHost
    private let live: LiveConfiguration
    private let server: PacketTunnelServer
    private let restorer: DeviceRestorer
    private let egress: EgressWatch
    private let logger: Logger
    private let events: AsyncStream<Event>.Continuation
    private var policy: TrafficPolicy
    /// A host with a million routes takes a second to list them: that is done a twentieth of the time at most.
    private var busyUntil: ContinuousClock.Instant = .now
    private var isDue = false

    /// Before the server is started, so that nothing is missed.
    init(
        _ host: DaemonHost,
        following live: LiveConfiguration,
        server: PacketTunnelServer,
        policy: TrafficPolicy,
        events: AsyncStream<Event>.Continuation
    ) {
        self.host = host
        self.live = live
        self.server = server
        logger = host.options.logger
        egress = EgressWatch(server: server, interface: host.configuration.egressInterface, logger: logger)
        restorer = DeviceRestorer(host.device, host.setup, options: host.options) { events.yield(.deviceDisappeared) }
        self.policy = policy
        self.events = events
    }

    /// Runs until a signal to stop, and returns its name.
    ///
    /// - Parameter reload: what SIGHUP asks for.
    func run(_ stream: AsyncStream<Event>, loop: EventLoop, reload: () async -> Void) async throws -> String {
        let events = events
        let monitor = try NetworkMonitor(loop: loop) { events.yield(.changed) }
        monitor.ignore(interfaceIndex: host.device.index)
        defer { monitor.stop() }
        let clock = Self.startClock(events)
        defer { clock.cancel() }
        // Once for what has changed before the monitor listened.
        events.yield(.changed)
        for await event in stream {
            switch event {
            case .signal(let name): return name
            case .reload:
                await reload()
                await follow()
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
        guard start >= busyUntil else { return followLater() }
        isDue = false
        do throws(NetworkSetupError) {
            let configuration = host.configuration.following(live.current)
            let network = ServerNetwork(configuration, resolvers: host.resolvers.addresses)
            let now = try TrafficPolicy(configuration, ignoring: host.device.index)
            host.resolvers.reportUnreachable()
            if now != policy {
                let change = now.change(since: policy)
                if let change { logger.info("denied networks have changed", metadata: change) }
                policy = now
                server.setPolicy(now)
            }
            egress.update()
            try await host.setup.update(network)
        } catch {
            // A default route comes and goes, while a cable is out or an address is renewed.
            let level: Logger.Level = error.kind == .noEgress ? .debug : .warning
            logger.log(level: level, "cannot follow a change of the network", metadata: ["reason": "\(error)"])
        }
        busyUntil = .now + (ContinuousClock.now - start) * 20
    }

    private func followLater() {
        guard !isDue else { return }
        isDue = true
        let (events, moment) = (events, busyUntil)
        Task {
            try? await Task.sleep(until: moment, clock: .continuous)
            events.yield(.changed)
        }
    }

    private func restoreDevice() async {
        guard let delay = await restorer.restore() else { return }
        let events = events
        Task {
            try? await Task.sleep(for: delay)
            events.yield(.deviceDisappeared)
        }
    }
}
