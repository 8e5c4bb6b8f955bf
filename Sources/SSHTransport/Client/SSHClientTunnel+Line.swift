internal import CLibSSH
internal import EventLoops
internal import PacketTunnel

/// Whether the line to the server still carries anything.
extension SSHClientTunnel {
    /// Nanoseconds between two looks at what the kernel has sent and the server not acknowledged.
    private static let lookPeriod: UInt64 = 1_000_000_000
    /// Nanoseconds without any acknowledgement after which the line is doubtful. Ten times what a geostationary
    /// satellite takes, with room for a queue before it.
    private static let patience: UInt64 = 4_000_000_000
    /// The same where the kernel has sent the oldest data again three times, at intervals that follow the round trip and
    /// double: 1.4 s from nearby.
    private static let shortPatience: UInt64 = 1_500_000_000
    private static let retransmissionLimit = 3
    private static let looksBeforeAsking = 10
    private static let looksBeforeDoubt = 14
    /// Nanoseconds in which an answer to a probe comes even from nearby, where wireless links save power.
    private static let shortestProbe: UInt64 = 200_000_000
    /// Nanoseconds that a probe waits at most.
    private static let longestProbe: UInt64 = 1_000_000_000

    /// Keeps the connection's packets on the interface that they have left by so far, where a new connection would take
    /// another one: without that they would leave there with an address that belongs elsewhere. From any thread. Nothing
    /// happens where the kernel does not permit it (before Linux 5.7), or the connection is not ours.
    public func stay(on interface: String) {
        session.loop.execute { [self] in
            guard session.state != .ended else { return }
            link?.stay(on: interface, socket: ssh_get_fd(session.handle))
            // Acknowledges what has come meanwhile, and so spares the server the wait for its retransmission timer.
            session.sendKeepalive()
        }
    }

    /// Asks the server for a sign of life, because the network has changed. From any thread.
    ///
    /// - Parameter whenSilent: called on the loop if none has come in three round trips, within 0.2 to 1 s. What was under
    ///   way before the change proves nothing.
    public func probe(whenSilent: @escaping @Sendable () -> Void) {
        session.loop.execute { [self] in
            guard session.state != .ended else { return }
            let replies = session.replyCount
            session.sendKeepalive()
            let patience = min(max((session.lineState?.roundTrip ?? 0) * 3, Self.shortestProbe), Self.longestProbe)
            session.loop.schedule(after: patience / 4) { [weak self] in
                guard let self, session.state != .ended, session.replyCount == replies else { return }
                let packets = session.packetsReceived
                session.loop.schedule(after: patience - patience / 4) { [weak self] in
                    guard let self, session.state != .ended, session.replyCount == replies,
                        session.packetsReceived == packets
                    else { return }
                    whenSilent()
                }
            }
        }
    }

    /// Has `whenDoubtful` called on the loop whenever what was sent has not been acknowledged for some seconds. From any
    /// thread, once.
    public func watch(whenDoubtful: @escaping @Sendable () -> Void) {
        session.loop.execute { [self] in
            guard session.state != .ended else { return }
            link?.watch(whenDoubtful: whenDoubtful)
            if session.lineState != nil {
                look(unacknowledgedSince: nil, whenDoubtful)
            } else {
                listen(packets: session.packetsReceived, silentLooks: 0, whenDoubtful)
            }
        }
    }

    /// Behind a jump host or a proxy the kernel knows nothing of the whole line: after a silence the server is asked.
    private func listen(packets: UInt64, silentLooks: Int, _ whenDoubtful: @escaping @Sendable () -> Void) {
        session.loop.schedule(after: Self.lookPeriod) { [weak self] in
            guard let self, session.state != .ended else { return }
            let isSilent = session.packetsReceived == packets
            var looks = isSilent ? silentLooks + 1 : 0
            if looks == Self.looksBeforeAsking { session.sendKeepalive() }
            if looks == Self.looksBeforeDoubt {
                whenDoubtful()
                looks = 0
            }
            listen(packets: session.packetsReceived, silentLooks: looks, whenDoubtful)
        }
    }

    private func look(unacknowledgedSince since: UInt64?, _ whenDoubtful: @escaping @Sendable () -> Void) {
        session.loop.schedule(after: Self.lookPeriod) { [weak self] in
            guard let self, session.state != .ended else { return }
            let now = session.loop.now
            let line = session.lineState ?? SSHSession.LineState()
            let isWaiting = line.hasUnacknowledged && line.sinceAcknowledgement >= Self.lookPeriod
            let isLost =
                line.retransmissions >= Self.retransmissionLimit && line.sinceAcknowledgement >= Self.shortPatience
            let hasWaited = since.map { now - $0 >= Self.patience - Self.lookPeriod } ?? false
            guard isWaiting, isLost || hasWaited else {
                return look(unacknowledgedSince: isWaiting ? since ?? now : nil, whenDoubtful)
            }
            whenDoubtful()
            // Told once for each silence; again if it goes on.
            look(unacknowledgedSince: nil, whenDoubtful)
        }
    }
}

extension SSHSession {
    /// What the kernel knows of a connection (`TCP_INFO`, tcp(7)).
    struct LineState {
        /// Nanoseconds, smoothed.
        var roundTrip: UInt64 = 0
        /// Something that was sent has not been acknowledged.
        var hasUnacknowledged = false
        /// Nanoseconds since the last acknowledgement.
        var sinceAcknowledgement: UInt64 = 0
        /// How often in a row the oldest data has been sent again.
        var retransmissions = 0
    }

    /// Answers to requests so far.
    var replyCount: UInt32 { libssh_shim_replies(peer) }

    /// How the connection is now; nil for one that is no TCP connection.
    var lineState: LineState? {
        var line = libssh_shim_line()
        guard libssh_shim_line_state(ssh_get_fd(handle), &line) == 0 else { return nil }
        return LineState(
            roundTrip: UInt64(line.round_trip_us) * 1_000,
            hasUnacknowledged: line.unacknowledged > 0,
            sinceAcknowledgement: UInt64(line.since_acknowledgement_ms) * 1_000_000,
            retransmissions: Int(line.retransmissions)
        )
    }
}
