internal import EventLoops
internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

/// Brings a tunnel up and keeps it up: the device and its routes stay while lines to servers come and go.
///
/// One task runs it; everything that happens reaches it as an event, and nothing that it does for one waits for a server,
/// except for the first, before which there is no tunnel.
final class TunnelSupervisor {
    /// What happens to a tunnel.
    enum Event: Sendable {
        /// SIGINT or SIGTERM.
        case signal(String)
        /// An attempt is about to connect to an address.
        case reaching(ServerEndpoint, Admission)
        /// An attempt to connect has come to its end.
        case attempted(Int, Result<any TunnelConnection, any Error>)
        /// A connection has opened its tunnel, or will not.
        case opened(Int, any TunnelConnection, Result<ChannelFraming, any Error>)
        /// A packet has come through a connection that awaited one.
        case answered(Int)
        /// Nothing has come through a line for a while, although something should have.
        case doubted(Int, String)
        /// A line is broken.
        case disconnected(Int, String)
        /// What is left of a line has ended: server, end, and the reason that its stream gave.
        case ended(Int, ConnectionEnd, String)
        /// A server has told of itself: the line that was asked, and the answer.
        case informed(Int, ServerInformation)
        /// A server has told of this client's session: the line that was asked, and the answer.
        case described(Int, SessionStatus)
        /// Links, addresses or routes of this host have changed, or it has slept.
        case networkChanged
        /// Somebody has removed the device, or it could not be brought back a moment ago.
        case deviceDisappeared
        /// SIGHUP to a service: a new connection.
        case hangUp
        /// It is time for another attempt.
        case timer(Int)
    }

    /// Where the tunnel stands.
    enum State {
        /// Nothing of this host is changed yet, and somebody is there to see an error.
        case starting
        /// A line carries packets.
        case up(Line)
        /// A line may be dead. It goes on carrying what it can while another one is made.
        case doubtful(Line, since: ContinuousClock.Instant)
        /// No line; packets are dropped.
        case down(since: ContinuousClock.Instant)
    }

    /// A connection whose tunnel is open.
    struct Line {
        var identifier: Int
        var server: Int
        var connection: any TunnelConnection
        var since: ContinuousClock.Instant
        var description: Logger.Metadata
    }

    /// A connection in the making.
    struct Attempt {
        var server: Int
        var start: ContinuousClock.Instant
        /// Begun before the network changed: another one may be made beside it.
        var isStale = false
        /// The network has changed since it was begun: what it leads to is looked at as soon as it carries.
        var hasSeenChange = false
    }

    let options: UpOptions
    let loop: EventLoop
    let events: AsyncStream<Event>.Continuation
    let logger: Logger
    let sessionName: String
    var state = State.starting
    var servers: ServerList
    var tunnel: LocalTunnel?
    var attempts: [Int: Attempt] = [:]
    /// The attempts whose tunnels are being opened: one, and those that were begun before the network changed.
    var openings: [Int: Attempt] = [:]
    /// Those of them through which a packet has come already.
    var earlyAnswers: Set<Int> = []
    /// When a tunnel could not be opened, or two were being opened at once, the last time: the server may see one of them take
    /// the session from the other.
    var lastOpening: ContinuousClock.Instant?
    /// The server that the packet client knows the resolver of.
    var informedServer = 0
    var lastIdentifier = 0
    var timerNumber = 0
    var hasOpened = false
    var hasWorked = false
    /// Lines since the last packet through one that awaits its first; nil before any has come.
    var unansweredLines: Int?
    var report = ResumeReport()
    /// Places that servers have answered at, the last one first, and then those that are being tried.
    var endpoints: [ServerEndpoint] = []
    /// A session that a newer client of the same name has taken is left to it.
    var isSuperseded = false
    private var monitor: NetworkMonitor?

    init(_ options: UpOptions, loop: EventLoop, events: AsyncStream<Event>.Continuation, logger: Logger) {
        self.options = options
        self.loop = loop
        self.events = events
        self.logger = logger
        servers = ServerList(count: options.servers.count)
        sessionName = options.session?.description ?? Self.randomName()
    }

    /// Runs until a signal, or until an attempt fails for good.
    func run(_ stream: AsyncStream<Event>) async throws -> ExitStatus {
        let events = events
        do {
            monitor = try NetworkMonitor(loop: loop) { events.yield(.networkChanged) }
        } catch {
            logger.warning("changes of the network go unnoticed", metadata: ["error": "\(error)"])
        }
        defer { monitor?.stop() }
        do {
            pursue()
            for await event in stream {
                if case .signal(let name) = event {
                    logger.notice("stopping", metadata: ["signal": "\(name)"])
                    break
                }
                try await handle(event)
                if isSuperseded { break }
            }
        } catch {
            await tunnel?.takeDown(isStopped: false)
            throw error
        }
        await tunnel?.takeDown(isStopped: !isSuperseded)
        return .success
    }

    private func handle(_ event: Event) async throws {
        switch event {
        case .signal: break
        case .reaching(let endpoint, let admission): await admit(endpoint, admission)
        case .attempted(let attempt, .success(let connection)): try await connected(attempt, connection)
        case .attempted(let attempt, .failure(let error)): try attemptFailed(attempt, error)
        case .opened(let attempt, let connection, let result): try await opened(attempt, connection, result)
        case .answered(let line): try await answered(line)
        case .doubted(let line, let reason): doubt(line, reason)
        case .disconnected(let line, let reason): disconnected(line, reason)
        case .ended(let server, let end, let reason): try ended(server, end, reason)
        case .informed(let line, let information): informed(line, information)
        case .described(let line, let status): described(line, status)
        case .networkChanged: await networkChanged()
        case .deviceDisappeared: try await restoreDevice()
        case .hangUp: hangUp()
        case .timer(let number): if number == timerNumber { pursue() }
        }
    }

    /// Lines go on while the device is away; packets are dropped.
    private func restoreDevice() async throws {
        guard let tunnel else { return }
        guard let delay = try await tunnel.restoreDevice() else {
            ignoreOwnDevice()
            return await tunnel.refreshResolvers()
        }
        let events = events
        Task {
            try? await Task.sleep(for: delay)
            events.yield(.deviceDisappeared)
        }
    }

    /// The device of a tunnel that is up sends no news.
    func ignoreOwnDevice() {
        if let index = tunnel?.interfaceIndex { monitor?.ignore(interfaceIndex: index) }
    }

    private static func randomName() -> String {
        let number = UInt128.random(in: .min ... .max)
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}
