internal import Dispatch
internal import EventLoops
internal import LinuxNetwork
internal import PacketTunnel
internal import Synchronization
internal import TunnelConfiguration

/// A tunnel through a command's standard input and output, such as `ssh -s HOST packet-tunnel`.
///
/// The command says nothing when it is connected. Once it has a TCP connection its peer is known, and that is also when
/// routes can be laid without taking the way to the server from it. Whether it has logged in is known with the first
/// packet only.
final class CommandConnection: TunnelConnection {
    /// A command that speaks with another program of this host, and has no TCP connection by then, is expected to have none,
    /// as with a shared SSH connection.
    private static let silence: Duration = .seconds(1)
    /// Any other may still be starting, or looking a name up.
    private static let longSilence: Duration = .seconds(5)
    /// A connection that takes longer to make may be lost in the tunnel of the time before, where the server's address
    /// was another one.
    private static let patience: Duration = .seconds(4)
    /// A stream that has lasted longer than this has worked, even if no packet has come back.
    private static let trial: Duration = .seconds(30)
    private static let poll: Duration = .milliseconds(20)
    private static let lookPeriod: Duration = .seconds(1)
    private static let probePatience: Duration = .milliseconds(500)
    /// After 1.4 to three seconds without any acknowledgement from nearby, and longer from afar.
    private static let retransmissionLimit = 3

    var peers: [ServerEndpoint] { paths.withLock { $0.map(\.server) } }
    /// It may have got others since, or its first ones late.
    var currentPeers: [ServerEndpoint] {
        ChildConnections(of: child.identifier, ignoring: nameServers).established.map(\.server) + peers
    }
    private let paths: Mutex<[LinePath]>
    private let line: Mutex<ChildLine?>
    private let hasEnded = Atomic<Bool>(false)
    private let hasAnswered = Atomic<Bool>(false)
    /// Nil as long as a person may be asked, or nothing is known to answer.
    private let answerPatience: Duration?
    /// What the command looks up is its own business.
    let serverNames: [String] = []
    let awaitsAnswer = true
    let security: TransportSecurity? = nil
    private let whenAnswered: @Sendable () -> Void
    private let child: ChildProcess
    private let nameServers: Set<ServerEndpoint>
    private let start = ContinuousClock.now
    private let transport = Mutex<DescriptorTransport?>(nil)

    /// Starts the command, and waits until it is connected.
    ///
    /// - Throws: `CommandError` if it cannot be started, or ends at once.
    init(_ command: String, _ context: ConnectingContext) throws {
        whenAnswered = context.whenAnswered
        answerPatience = context.answerPatience
        let resolvers =
            context.isFirst ? nil : OutsideResolvers(for: command) { try context.reaching($0, false) }
        nameServers = resolvers?.endpoints ?? []
        child = try ChildProcess(
            command,
            script: resolvers?.script,
            environment: [SessionIdentity.nameVariable: context.sessionName]
        )
        let found = try Self.waitForPaths(child, context, besides: nameServers, since: start)
        paths = Mutex(found.paths)
        line = Mutex(found.line)
    }

    /// A command's connections are seen only when they have begun; the first packet of one to an address that is not
    /// known yet may have gone into the tunnel. The next command finds the way.
    private static func waitForPaths(
        _ child: ChildProcess,
        _ context: ConnectingContext,
        besides nameServers: Set<ServerEndpoint>,
        since start: ContinuousClock.Instant
    ) throws -> (paths: [LinePath], line: ChildLine?) {
        var admitted: Set<ServerEndpoint> = []
        while true {
            if let status = child.waitForExit(poll) {
                let words = words(child.readOpening())
                _ = child.end()
                throw CommandError(child.command, status, saying: words)
            }
            let connections = ChildConnections(of: child.identifier, ignoring: nameServers)
            for path in connections.connecting where admitted.insert(path.server).inserted {
                try? context.reaching(path.server, true)
            }
            if !connections.established.isEmpty { return (connections.established, connections.line) }
            let quiet = connections.reachesLocally ? silence : longSilence
            let isWaiting = !connections.connecting.isEmpty || connections.hasIgnored
            let limit = isWaiting ? patience : quiet
            guard start.duration(to: .now) > limit else { continue }
            // Once there was a tunnel, the network may have changed under the attempt, and nobody tells the command.
            guard context.isFirst || !isWaiting else {
                _ = child.end()
                throw CommandError(unconnected: child.command)
            }
            return (connections.connecting, nil)
        }
    }

    func information() -> ServerInformation? { nil }

    /// Nobody can be asked through a command.
    func hasOtherClient(ofSession name: String) -> Bool { false }

    /// Of several connections, as through a jump host, the first one leads out.
    var pathState: LinePath.State {
        look()
        return paths.withLock { $0.first }?.state ?? .unchanged
    }

    /// The command's sockets are not ours.
    func stayOnInterface() {}

    /// A command cannot be asked, but what it has sent is acknowledged or not.
    func probe(whenSilent: @escaping @Sendable () -> Void) {
        guard let line = line.withLock({ $0 }) else { return }
        Task { [weak self] in
            try? await Task.sleep(for: Self.probePatience)
            if self?.isEnded == false, line.retransmissions.map({ $0 > 0 }) ?? false { whenSilent() }
        }
    }

    func watch(whenDoubtful: @escaping @Sendable (String) -> Void) {
        Task { [weak self] in
            var askedSince: ContinuousClock.Instant?
            while true {
                try? await Task.sleep(for: Self.lookPeriod)
                guard let self, !isEnded else { return }
                if await !isAwaitingAnswer { askedSince = nil } else if askedSince == nil { askedSince = .now }
                if let reason = doubt(askedSince: askedSince) { whenDoubtful(reason) }
            }
        }
    }

    /// Why the line seems dead; nil if it does not.
    private func doubt(askedSince: ContinuousClock.Instant?) -> String? {
        look()
        if let count = line.withLock({ $0 })?.retransmissions, count >= Self.retransmissionLimit {
            return "what the command sends is not acknowledged"
        }
        guard let answerPatience, let askedSince, .now - askedSince >= answerPatience,
            !ChildConnections.isAsking(child.identifier)
        else { return nil }
        return "no packet has come back through the command"
    }

    /// Looks for the command's connection where none was seen yet: it may take longer to begin than it was waited for. For a
    /// while only, as one that shares another command's connection has none.
    private func look() {
        guard line.withLock({ $0 }) == nil, start.duration(to: .now) < Self.trial else { return }
        let found = ChildConnections(of: child.identifier, ignoring: nameServers)
        guard let first = found.line else { return }
        line.withLock { $0 = first }
        paths.withLock { $0 = found.established }
    }

    /// True while packets have gone into the command, and none has come out of it yet.
    private var isAwaitingAnswer: Bool {
        get async {
            guard !hasAnswered.load(ordering: .relaxed) else { return false }
            guard let transport = transport.withLock({ $0 }) else { return false }
            return await withCheckedContinuation { continuation in
                transport.loop.execute { continuation.resume(returning: transport.hasWritten) }
            }
        }
    }

    private var isEnded: Bool { hasEnded.load(ordering: .relaxed) }

    func askInformation(whenAnswered: @escaping @Sendable (ServerInformation) -> Void) {}

    func askSession(_ name: String, whenAnswered: @escaping @Sendable (SessionStatus) -> Void) -> Bool { false }

    func openTunnel(
        _ choice: ChannelTypeChoice,
        sessionName: String,
        on loop: EventLoop,
        whenDone: @escaping TunnelOpening
    ) {
        let framing: ChannelFraming = choice == .gso ? .gso : .psiphon
        loop.execute { [self] in
            whenDone(
                Result {
                    let streams = child.takeStreams()
                    let opened = try DescriptorTransport(input: streams.input, output: streams.output, loop: loop)
                    opened.onOpening = { [self] in
                        guard Self.words($0) == nil else { return }
                        hasAnswered.store(true, ordering: .relaxed)
                        whenAnswered()
                    }
                    transport.withLock { $0 = opened }
                    return (opened, framing)
                }
            )
        }
    }

    func end() -> ConnectionEnd {
        hasEnded.store(true, ordering: .relaxed)
        let status = child.end()
        let opening = opening
        let words = Self.words(opening)
        let hasWorked = words == nil && !opening.isEmpty || start.duration(to: .now) > Self.trial
        return ConnectionEnd(reason: CommandError(child.command, status, saying: words), hasWorked: hasWorked)
    }

    /// What has arrived first. Asks the loop.
    private var opening: [UInt8] {
        guard let transport = transport.withLock({ $0 }) else { return [] }
        let answer = Mutex<[UInt8]>([])
        let isAnswered = DispatchSemaphore(value: 0)
        transport.loop.execute {
            answer.withLock { $0 = transport.opening }
            isAnswered.signal()
        }
        isAnswered.wait()
        return answer.withLock { $0 }
    }

    /// The first line, if a stream begins with text: no frame does, because a packet's header is never text.
    private static func words(_ opening: [UInt8]) -> String? {
        let line = opening.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard line.count > 1, line.allSatisfy({ (0x20...0x7e).contains($0) || $0 == 9 }) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }
}

/// A command that carries no tunnel any more.
struct CommandError: Error, CustomStringConvertible {
    private let command: String
    /// Nil for a command that was ended because it made no connection.
    private let status: ChildProcess.Status?
    private let words: String?

    /// - Parameter words: what the command has said in the place of packets.
    init(_ command: String, _ status: ChildProcess.Status, saying words: String? = nil) {
        self.command = command
        self.status = status
        self.words = words
    }

    /// A command that has not made its connection in time.
    init(unconnected command: String) {
        self.command = command
        status = nil
        words = nil
    }

    var description: String {
        let said = words.map { ", saying \"\($0)\"" } ?? ""
        return switch status {
        case nil: "the command of --via gets no connection: \(command)"
        case .exited(127): "the command of --via is not there\(said): \(command)"
        case .exited(let code): "the command of --via has ended with status \(code)\(said): \(command)"
        case .killed(let signal): "the command of --via was ended by signal \(signal)\(said): \(command)"
        case .notStarted(let reason): "the command of --via cannot be started: \(reason)"
        }
    }

    /// What `packet-tunnel-subsystem` says, ssh passes on; 255 is ssh's own failure.
    var exitStatus: ExitStatus {
        if case .exited(let code) = status, code != 0, let known = ExitStatus(rawValue: code) { return known }
        return .unavailable
    }
}
