public import Logging

/// A packet tunnel server: it leases addresses to clients, rewrites and polices their packets, and multiplexes them
/// through one device.
///
/// It owns no thread. Each of its loops owns one lane of the device and the clients whose transports live there.
/// Members may be called from any thread unless they say otherwise.
public final class PacketTunnelServer: Sendable {
    /// The addresses that clients are given.
    public let addressPool: AddressPool

    private let configuration: ServerConfiguration
    let sessions: SessionTable
    let workers: [ServerWorker]
    private let ended: EndedSessions
    private let logger: Logger

    /// One lane of the device, and the loop that is to own it.
    public struct Lane {
        let loop: any PacketLoop
        let device: any PacketDevice

        /// Pairs a lane with its loop.
        public init(loop: any PacketLoop, device: any PacketDevice) {
            self.loop = loop
            self.device = device
        }
    }

    /// Makes a server over at least one lane. Nothing is read before `start`.
    ///
    /// - Throws: `ConfigurationError` for the first value of the configuration that is outside of its limits, and for a device
    ///   that may give packets which are too large for the clients.
    public init(configuration: ServerConfiguration, lanes: [Lane], logger: Logger) throws(ConfigurationError) {
        precondition(!lanes.isEmpty, "a server needs a lane to read packets from")
        let configuration = try configuration.validated()
        for lane in lanes { try configuration.check(lane.device) }
        let addressPool = try AddressPool(ipv4: configuration.ipv4Pool, ipv6: configuration.ipv6Pool)
        let sessions = SessionTable(pool: addressPool, expiry: configuration.sessionExpiry.inNanoseconds)
        self.configuration = configuration
        self.addressPool = addressPool
        self.sessions = sessions
        self.logger = logger
        ended = EndedSessions(sessions: sessions, forget: configuration.forgetConnections, logger: logger)
        workers = lanes.map {
            ServerWorker(
                loop: $0.loop,
                device: $0.device,
                configuration: configuration,
                addressPool: addressPool,
                sessions: sessions,
                logger: logger
            )
        }
    }

    /// Begins to read the device and to expire sessions.
    public func start() {
        sessions.open()
        for worker in workers { worker.loop.execute { worker.start() } }
        scheduleReaper(after: reaperPeriods.upperBound)
        scheduleMetrics()
    }

    /// Ends every client, reports every session, and closes the device. Returns when all of it is done.
    public func stop() async {
        let clients = sessions.close()
        for worker in workers { await Self.run(on: worker.loop) { worker.stop() } }
        // Clients that still wait for their session are told, too: it may reach them only now.
        for client in clients { await Self.run(on: client.worker.loop) { client.end(reason: "the server stops") } }
        // And those that a newer one has taken over from, whose loops have been told, but perhaps not run since.
        for worker in workers { await Self.run(on: worker.loop) {} }
        await reportOrphans()
        await logStatus("server stopped")
        await ended.finish(sessions.removeAll(), pool: addressPool)
    }

    private func logStatus(_ event: String) async {
        let status = await serverStatus()
        logger.info("\(event)", metadata: status.metadata)
    }

    private static func run(on loop: any PacketLoop, _ work: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            loop.execute {
                work()
                continuation.resume()
            }
        }
    }

    /// Attaches a client: resumes the session of `identity`, or begins one.
    ///
    /// Call it on the thread of the transport's loop, which has to be one of the server's. From here on the transport
    /// belongs to the server. A connection of the same identity that still looks alive is ended, and loses nothing:
    /// its session goes on with the new one. Calls on several threads need no order, for one identity neither.
    ///
    /// - Returns: what `clientDisconnected` takes to end this connection and no other.
    /// - Throws: `SessionError`; the transport is still the caller's then.
    @discardableResult
    public func clientConnected(
        _ identity: SessionIdentity,
        transport: any PacketTransport,
        framing: ChannelFraming,
        hooks: ClientHooks = ClientHooks()
    ) throws(SessionError) -> ConnectedClient {
        let loop = transport.loop
        precondition(loop.isCurrent, "clientConnected belongs on the thread of the transport's loop")
        guard sessions.isOpen else { throw .serverIsNotRunning }
        guard let worker = workers.first(where: { $0.loop === loop }) else {
            preconditionFailure("the transport's loop has to be one of the server's")
        }
        let client = ServerClient(
            identity: identity,
            transport: transport,
            framing: framing,
            hooks: hooks,
            worker: worker
        )
        let attachment = try attach(client)
        log(attachment, client)
        if let previous = attachment.previous {
            if previous.worker === worker {
                previous.letGo(to: client)
            } else {
                previous.worker.loop.execute { previous.letGo(to: client) }
            }
        } else {
            client.activate(attachment.session)
        }
        // Last, because bytes may have arrived already.
        transport.setReceiver(client)
        return client.handle
    }

    /// Why `clientConnected` would refuse `identity` now, apart from a server that does not run; nil if it would not.
    /// For callers that know the identity before there is a transport. On the thread of one of the server's loops.
    ///
    /// - Parameter maximumSessions: as in `ClientHooks`.
    public func refusal(of identity: SessionIdentity, maximumSessions: Int?) -> SessionError? {
        guard let worker = workers.first(where: { $0.loop.isCurrent }) else {
            preconditionFailure("a session is asked for on one of the server's loops")
        }
        let refusal = sessions.refusal(of: identity, maximumSessions: maximumSessions)
        if refusal == .poolIsExhausted { endExpired(now: worker.loop.now) }
        return refusal
    }

    /// Finds or begins the session of a client.
    private func attach(_ client: ServerClient) throws(SessionError) -> SessionTable.Attachment {
        let now = client.worker.loop.now
        if let maximumSessions = client.hooks.maximumSessions {
            let idle = sessions.removeIdle(for: client.identity, maximumSessions: maximumSessions)
            if !idle.isEmpty { ended.add(idle, reason: "its key began another session") }
        }
        do {
            return try sessions.attach(client, now: now, resolvers: configuration.dnsResolvers)
        } catch .poolIsExhausted {
            // The next client finds the addresses of these sessions free.
            endExpired(now: now)
            throw .poolIsExhausted
        }
    }

    /// Ends expired sessions, and tries again with those whose connections the kernel would not forget.
    private func endExpired(now: UInt64) {
        ended.add(sessions.removeExpired(now: now), reason: "expired")
    }

    /// Ends one connection. Its session is kept for `sessionExpiry`; a newer connection of the same identity, which has
    /// it by now, goes on.
    ///
    /// Returns when no packet of the connection is carried any more and its metrics were reported; at once if it has
    /// ended by itself. From any task, not before the loops run nor after they have stopped.
    public func clientDisconnected(_ client: ConnectedClient) async {
        guard client.isConnected else { return }
        // A client that is not found has been taken over from: its end is under way already.
        if let current = sessions.client(of: client.identity), current.handle === client { Self.end(current) }
        await client.waitForEnd()
    }

    /// Ends the connection that `identity` has now, if there is one, whichever that is; otherwise as `clientDisconnected`.
    public func disconnect(_ identity: SessionIdentity) async {
        guard let current = sessions.client(of: identity) else { return }
        Self.end(current)
        await current.handle.waitForEnd()
    }

    /// The part of `disconnect` that waits for nothing.
    static func end(_ client: ServerClient) {
        client.worker.loop.execute { client.end(reason: "disconnected by the server") }
    }

    /// Tells the server how large packets may be on the way out, so that no TCP connection is begun with segments that are
    /// too large for it. The tunnel's own MTU stays the limit above. May be called again whenever it changes.
    ///
    /// - Parameters:
    ///   - ipv4: bytes of the largest IPv4 packet; nil for no limit but the tunnel's.
    ///   - ipv6: the same for IPv6.
    public func setEgressMTU(ipv4: Int?, ipv6: Int?) {
        for worker in workers {
            worker.loop.execute { worker.setEgressMTU(ipv4: ipv4 ?? .max, ipv6: ipv6 ?? .max) }
        }
    }

    /// Replaces where packets may go, for all flows. What packets may be stays as it was configured.
    public func setPolicy(_ policy: TrafficPolicy) {
        for worker in workers { worker.loop.execute { worker.setPolicy(policy) } }
    }

    /// Sessions that exist, and those of them that a client uses now.
    public var sessionCount: (all: Int, connected: Int) { sessions.count }

    private func log(_ attachment: SessionTable.Attachment, _ client: ServerClient) {
        // The session may still be another loop's, and its own address that of the client before.
        var metadata = SessionReport.identification(attachment.session, address: client.peerAddress ?? "")
        metadata["channel"] = "\(client.framing.channelType)"
        let event =
            if attachment.isNew {
                "client connected"
            } else if attachment.previous != nil {
                "client took its session over"
            } else {
                "client resumed its session"
            }
        logger.info("\(event)", metadata: metadata)
    }

    // MARK: Metrics

    /// Sessions that are never left would otherwise never be reported (the seed's orphan metrics).
    private func scheduleMetrics() {
        workers[0].loop.schedule(after: TunnelDefaults.orphanMetricsPeriod.inNanoseconds) { [weak self] in
            guard let self, sessions.isOpen else { return }
            for client in sessions.clients { client.worker.loop.execute { client.reportMetrics() } }
            Task {
                await self.reportOrphans()
                await self.logStatus("server metrics")
            }
            scheduleMetrics()
        }
    }

    /// Logs what was refused of no session since the last time.
    private func reportOrphans() async {
        var counters = PacketCounters()
        for worker in workers {
            let strays = await withCheckedContinuation { continuation in
                worker.loop.execute { continuation.resume(returning: worker.takeStrays()) }
            }
            counters.add(strays)
        }
        logger.info("\(SessionReport.orphanEvent)", metadata: SessionReport.metadata(counters))
    }

    // MARK: Expiry

    /// The reaper comes when the next session expires, and gathers those that expire soon after: each round has the kernel
    /// look through all of its connections.
    private func scheduleReaper(after period: UInt64) {
        workers[0].loop.schedule(after: period) { [weak self] in
            guard let self, sessions.isOpen else { return }
            // Not captured: the loop keeps its timers, and would keep itself.
            let loop = workers[0].loop
            endExpired(now: loop.now)
            let next = sessions.timeToExpiry(now: loop.now) ?? reaperPeriods.upperBound
            scheduleReaper(after: min(max(next, reaperPeriods.lowerBound), reaperPeriods.upperBound))
        }
    }

    private var reaperPeriods: ClosedRange<UInt64> {
        let longest = max(50_000_000, configuration.sessionExpiry.inNanoseconds / 4)
        return max(50_000_000, longest / 16)...longest
    }
}

extension Duration {
    /// The duration in whole nanoseconds; 0 for a negative one.
    var inNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000
    }
}
