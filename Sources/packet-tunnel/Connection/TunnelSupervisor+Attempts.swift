internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import Synchronization
internal import SSHTransport
internal import TunnelConfiguration

/// Making lines: attempts, and opening a tunnel on the first that succeeds.
extension TunnelSupervisor {
    /// A host that keeps changing its network leaves so many attempts to end by themselves; fewer where each is a process.
    private var attemptLimit: Int { options.connection.via == nil ? 32 : 6 }
    /// Places of servers that stay admitted: those that have worked.
    private static let endpointLimit = 16

    private var wantsLine: Bool {
        if case .up = state { return false }
        return openings.values.allSatisfy(\.isStale) && !isSuperseded
    }

    /// At the start a person may be asked, and one question at a time is enough.
    private var mayRace: Bool {
        if case .starting = state { return false }
        return true
    }

    /// Begins whatever attempts are due, and sees to it that the next ones begin in time.
    func pursue() {
        timerNumber += 1
        guard wantsLine else { return }
        while attempts.count < attemptLimit,
            let server = servers.next(now: .now, pending: pending, mayRace: mayRace)
        {
            attempt(server)
        }
        guard let moment = servers.nextMoment(pending: pending, mayRace: mayRace) else { return }
        let (events, number) = (events, timerNumber)
        Task {
            try? await Task.sleep(until: moment, clock: .continuous)
            events.yield(.timer(number))
        }
    }

    /// Tries every server anew, now: the network is another one.
    func hurry() {
        servers.hurry()
        for identifier in attempts.keys { attempts[identifier]?.isStale = true }
        for identifier in openings.keys { openings[identifier]?.isStale = true }
        pursue()
    }

    private var pending: [Int: ContinuousClock.Instant] {
        attempts.values.filter { !$0.isStale }.reduce(into: [:]) { starts, attempt in
            starts[attempt.server] = max(attempt.start, starts[attempt.server] ?? attempt.start)
        }
    }

    /// What the kernel does not give has been said.
    private static let adviceIsGiven = Atomic(false)

    /// Five seconds after a line that has carried packets. Longer each time for those that carry none: perhaps nobody there
    /// has an answer to what is sent.
    private var answerPatience: Duration? { unansweredLines.map { .seconds(5) * (1 << min($0, 6)) } }

    private func attempt(_ server: Int) {
        lastIdentifier += 1
        let (identifier, events) = (lastIdentifier, events)
        attempts[identifier] = Attempt(server: server, start: .now)
        var connection = options.connection
        connection.destination = options.servers.isEmpty ? nil : options.servers[server]
        let context = ConnectingContext(
            sessionName: sessionName,
            isFirst: !hasOpened,
            pathChanged: { [logger] change, advice in
                logger.debug("\(change)")
                guard let advice, !Self.adviceIsGiven.exchange(true, ordering: .relaxed) else { return }
                logger.notice("\(advice)")
            },
            answerPatience: answerPatience,
            reaching: { endpoint, isServer in
                let admission = Admission(isServer: isServer)
                events.yield(.reaching(endpoint, admission))
                try admission.wait()
            },
            whenAnswered: { events.yield(.answered(identifier)) }
        )
        BlockingWork.run { [connection] in
            events.yield(.attempted(identifier, Result { try connection.connect(context) }))
        }
    }

    /// Keeps the way to an address out of the tunnel before anything is sent there.
    func admit(_ endpoint: ServerEndpoint, _ admission: Admission) async {
        if admission.isServer, !endpoints.contains(endpoint) { endpoints.append(endpoint) }
        do {
            try await tunnel?.admit(endpoint)
            // A killed client's may stand, and lets nobody pass but that one's servers.
            if tunnel == nil, options.hasKillSwitch {
                try? await KillSwitch(NetworkSetupOptions(usesSudo: options.usesSudo, logger: logger)).admit(endpoint)
            }
            admission.finish(nil)
        } catch {
            admission.finish(SSHClientError(.unreachable, "\(error)"))
        }
    }

    func attemptFailed(_ identifier: Int, _ error: any Error) throws {
        guard let attempt = attempts.removeValue(forKey: identifier) else { return }
        try failed(attempt, error)
    }

    private func failed(_ attempt: Attempt, _ error: any Error) throws {
        guard !attempt.isStale, wantsLine else { return pursue() }
        if !Self.isTransient(error, hasOpened: hasOpened) {
            servers.rule(out: attempt.server)
            guard !servers.isExhausted else { throw error }
        }
        let pause = servers.failed(attempt.server, start: attempt.start, now: .now)
        if case .starting = state {
            // A first attempt that fails, fails for good: somebody is there to see it.
            guard attempt.server + 1 < options.servers.count else { throw error }
            servers.use(attempt.server + 1)
        }
        var metadata: Logger.Metadata = ["reason": "\(error)", "next_attempt_in": "\(ShortDuration(pause))"]
        if options.servers.count > 1 { metadata["server"] = "\(options.servers[attempt.server])" }
        logger.warning("not connected", metadata: metadata)
        pursue()
    }

    func connected(_ identifier: Int, _ connection: any TunnelConnection) async throws {
        guard let attempt = attempts.removeValue(forKey: identifier) else { return }
        guard wantsLine else { return endInBackground(connection) }
        let tunnel = try await tunnel(over: connection, server: attempt.server)
        for peer in connection.peers { try await tunnel.admit(peer) }
        if !openings.isEmpty { lastOpening = .now }
        openings[identifier] = attempt
        let (events, relay) = (events, tunnel.relay)
        let isOtherServer = attempt.server != informedServer
        Task { [sessionName] in
            let result: Result<ChannelFraming, any Error>
            do {
                result = .success(
                    try await relay.connect(connection, sessionName: sessionName, isOtherServer: isOtherServer) {
                        events.yield(.disconnected(identifier, $0))
                    }
                )
            } catch {
                result = .failure(error)
            }
            events.yield(.opened(identifier, connection, result))
        }
    }

    /// The tunnel, which the first connection makes.
    private func tunnel(over connection: any TunnelConnection, server: Int) async throws -> LocalTunnel {
        if let tunnel { return tunnel }
        noteEndpoints(of: connection)
        let events = events
        let tunnel = try await LocalTunnel(
            options,
            server: connection,
            endpoints: endpoints,
            loop: loop,
            logger: logger,
            deviceDisappeared: { events.yield(.deviceDisappeared) }
        )
        self.tunnel = tunnel
        informedServer = server
        ignoreOwnDevice()
        try await warnAboutOtherClient(connection)
        return tunnel
    }

    private func noteEndpoints(of connection: any TunnelConnection) {
        endpoints = connection.peers + endpoints.filter { !connection.peers.contains($0) }
    }

    /// A session name that a person has chosen may be in use by another of their hosts.
    private func warnAboutOtherClient(_ connection: any TunnelConnection) async throws {
        guard let name = options.session?.description else { return }
        guard try await BlockingWork.value({ connection.hasOtherClient(ofSession: name) }) else { return }
        logger.warning(
            "taking this session over from another client that uses it now",
            metadata: ["session": "\(name)"]
        )
    }

    /// A tunnel is open, and the packet client uses it already; or it will not be.
    func opened(
        _ identifier: Int,
        _ connection: any TunnelConnection,
        _ result: Result<ChannelFraming, any Error>
    ) async throws {
        guard let attempt = openings.removeValue(forKey: identifier), let tunnel else { return }
        let isAnswered = earlyAnswers.remove(identifier) != nil
        switch result {
        case .failure(let error):
            lastOpening = .now
            endInBackground(connection)
            try failed(attempt, error)
        case .success(let framing):
            if !connection.awaitsAnswer { try await protect(tunnel, connection) }
            let line = Line(
                identifier: identifier,
                server: attempt.server,
                connection: connection,
                since: .now,
                description: tunnel.description(framing, connection.security)
            )
            hasOpened = true
            informedServer = attempt.server
            noteEndpoints(of: connection)
            endpoints = Array(endpoints.prefix(Self.endpointLimit))
            begin(line)
            try? await tunnel.retain(endpoints)
            await tunnel.refreshResolvers()
            if isAnswered { try await answered(identifier) }
            // A line that has begun on one network may have been opened on another.
            if attempt.hasSeenChange, case .up(let line) = state, line.identifier == identifier { check(line) }
        }
    }

    /// Puts the kill switch up, with a line that is ready.
    func protect(_ tunnel: LocalTunnel, _ connection: any TunnelConnection) async throws {
        try await tunnel.protect(names: options.servers.map(\.host) + connection.serverNames)
    }

    /// Everything but a refused user and a wrong command line may be better next time; so may a wrong host key once the
    /// right one was seen: in many a hotel the network itself answers first.
    private static func isTransient(_ error: any Error, hasOpened: Bool) -> Bool {
        guard let error = error as? SSHClientError else { return true }
        switch error.kind {
        case .unreachable, .temporary, .protocolViolation: return true
        case .hostKeyUnknown, .hostKeyChanged: return hasOpened
        case .usage, .permission, .configuration: return false
        }
    }

    /// Ends a connection that nobody needs.
    func endInBackground(_ connection: any TunnelConnection) {
        BlockingWork.run { _ = connection.end() }
    }
}
