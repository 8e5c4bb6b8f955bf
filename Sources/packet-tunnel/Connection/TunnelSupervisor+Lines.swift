internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

/// What becomes of lines, from their beginning to their end.
extension TunnelSupervisor {
    /// A tunnel that was opened in vain, or beside another one, may take the session over so much later.
    private static let ownTakeover: Duration = .seconds(30)

    /// A new line carries from now on. An old one has ended with that.
    func begin(_ line: Line) {
        var lostAt: ContinuousClock.Instant?
        switch state {
        case .starting: break
        case .up(let old): endInBackground(old.connection)
        case .doubtful(let old, let since):
            endInBackground(old.connection)
            lostAt = since
        case .down(let since): lostAt = since
        }
        let isSameServer = servers.current == line.server
        servers.use(line.server)
        state = .up(line)
        report.begin(line: line.identifier, lostAt: lostAt, isSameServer: isSameServer)
        logger.notice(
            line.connection.awaitsAnswer ? "running, but no packet has come back yet" : "ready",
            metadata: line.description
        )
        if line.connection.awaitsAnswer, let lines = unansweredLines { unansweredLines = lines + 1 }
        let (events, identifier) = (events, line.identifier)
        line.connection.watch { events.yield(.doubted(identifier, $0)) }
        // The server of before may have been replaced by one with other settings at the same place.
        if lostAt != nil { line.connection.askInformation { events.yield(.informed(identifier, $0)) } }
        let isAsked = line.connection.askSession(sessionName) { events.yield(.described(identifier, $0)) }
        if !isAsked, !line.connection.awaitsAnswer { tell(report.withoutStatus()) }
    }

    func answered(_ identifier: Int) async throws {
        unansweredLines = 0
        hasWorked = true
        guard case .up(let line) = state, line.identifier == identifier, let tunnel else {
            // The answer may be here before the word that the tunnel is open.
            if openings[identifier] != nil { earlyAnswers.insert(identifier) }
            return
        }
        for peer in line.connection.currentPeers { try await tunnel.admit(peer) }
        try await protect(tunnel, line.connection)
        logger.notice("ready", metadata: line.description)
        tell(report.withoutStatus())
    }

    func informed(_ identifier: Int, _ information: ServerInformation) {
        guard case .up(let line) = state, line.identifier == identifier else { return }
        guard let relay = tunnel?.relay else { return }
        relay.use(information)
        guard let problem = relay.problem(with: information) else { return }
        logger.warning("the server has another MTU now, large packets are lost", metadata: ["reason": "\(problem)"])
    }

    func described(_ identifier: Int, _ status: SessionStatus) {
        tell(report.complete(line: identifier, status))
    }

    private func tell(_ text: String?) {
        if let text { logger.notice("\(text)") }
    }

    /// Makes another line beside one that may be dead.
    func doubt(_ identifier: Int, _ reason: String) {
        guard case .up(let line) = state, line.identifier == identifier else { return }
        logger.notice("line is doubtful, connecting anew", metadata: ["reason": "\(reason)"])
        state = .doubtful(line, since: .now)
        hurry()
    }

    /// Makes another line in the place of one that nobody doubts.
    func hangUp() {
        logger.notice("connecting anew", metadata: ["signal": "SIGHUP"])
        if case .up(let line) = state { state = .doubtful(line, since: .now) }
        hurry()
    }

    /// A line has ended by itself, or because its server or a newer line has ended it.
    func disconnected(_ identifier: Int, _ reason: String) {
        let line: Line
        let lostAt: ContinuousClock.Instant
        switch state {
        case .up(let current) where current.identifier == identifier: (line, lostAt) = (current, .now)
        case .doubtful(let current, let since) where current.identifier == identifier: (line, lostAt) = (current, since)
        default: return
        }
        state = .down(since: lostAt)
        // A line of ours that is being opened is the one that goes on, and may be the newer one.
        if !openings.isEmpty {
            endInBackground(line.connection)
            return pursue()
        }
        if reason.contains(SessionIdentity.takeoverNotice), lastOpening.map({ .now - $0 > Self.ownTakeover }) ?? true {
            logger.error(
                "another client has taken this session over; leaving it to that one",
                metadata: ["session": "\(sessionName)", "reason": "\(reason)"]
            )
            isSuperseded = true
            return endInBackground(line.connection)
        }
        // A server that takes a tunnel only to end it at once is not to be asked again and again without a pause.
        if .now - line.since >= Backoff.proof { servers.lasted(line.server) }
        let (events, connection, server) = (events, line.connection, line.server)
        BlockingWork.run { events.yield(.ended(server, connection.end(), reason)) }
    }

    /// A command that never carried anything is as wrong as a server that refuses; once it did, it will again.
    func ended(_ server: Int, _ end: ConnectionEnd, _ reason: String) throws {
        hasWorked = hasWorked || end.hasWorked
        if let error = end.reason, !hasWorked { throw error }
        guard case .down = state else { return }
        let pause = servers.failed(server, start: .now, now: .now)
        let text = end.reason.map { "\($0)" } ?? reason
        logger.warning("not connected", metadata: ["reason": "\(text)", "next_attempt_in": "\(ShortDuration(pause))"])
        pursue()
    }

    /// Follows the host to its new network.
    func networkChanged() async {
        do {
            try await tunnel?.networkDidChange()
        } catch {
            logger.warning("cannot follow the network", metadata: ["error": "\(error)"])
        }
        for identifier in attempts.keys { attempts[identifier]?.hasSeenChange = true }
        for identifier in openings.keys { openings[identifier]?.hasSeenChange = true }
        switch state {
        case .starting: break
        case .up(let line): check(line)
        case .doubtful, .down: hurry()
        }
    }

    /// Finds out whether a line has survived a change of the network.
    func check(_ line: Line) {
        let (events, identifier) = (events, line.identifier)
        switch line.connection.pathState {
        case .moved:
            line.connection.stayOnInterface()
            doubt(identifier, "the way to the server has changed")
        case .unchanged:
            line.connection.probe { events.yield(.doubted(identifier, "no answer after a change of the network")) }
        // There is nothing to do until there is a network; the line may still be good then.
        case .cut: logger.debug("no way to the server")
        }
    }
}
