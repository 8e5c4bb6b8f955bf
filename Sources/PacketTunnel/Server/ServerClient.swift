internal import IPPacket
internal import Logging

/// A connection that is attached to a session, or is about to be: its transport, its framing, its queue, its flows.
///
/// Owned by the loop of its transport from the first byte to the last. The way of a packet is in `ServerClient+Upstream.swift`
/// and `ServerClient+Downstream.swift`.
final class ServerClient: PacketTransportReceiver, @unchecked Sendable {  // used on its loop alone
    var identity: SessionIdentity { handle.identity }
    /// What the embedder holds of the connection.
    let handle: ConnectedClient
    /// Strong, which costs least per packet; the worker lets go of the client at its end.
    let worker: ServerWorker
    let framing: ChannelFraming
    let hooks: ClientHooks
    let transport: any PacketTransport
    /// For log lines.
    let peerAddress: String?
    var flows: FlowTable
    /// DNS queries of this connection so far.
    var queryCount: UInt64 = 0
    /// The client's own addresses, as this connection's first packets of either family showed them.
    var originalIPv4: IPAddress?
    var originalIPv6: IPAddress?
    var sender: ChannelSender
    /// Nil before the session's last client has let go of it, and after the end.
    private(set) var session: Session?
    /// The addresses at which this client's queries are sent on to the server's resolvers.
    let transparentAddresses: DNSResolvers
    /// What was decided about datagrams that come in fragments.
    var upstreamFragments = FragmentTable()
    var downstreamFragments = FragmentTable()
    /// Echo requests and replies together.
    var echoBudget = TokenBucket(tokensPerSecond: 20, capacity: 50)
    /// ICMP errors in both directions together. Pings must not use up what path MTU discovery lives on.
    var errorBudget = TokenBucket(tokensPerSecond: 100, capacity: 200)
    /// Answers to refused packets.
    var refusalBudget = TokenBucket(tokensPerSecond: 50, capacity: 100)
    /// Bytes in either direction, where the client's rate is limited.
    var upstreamBudget: TokenBucket?
    var downstreamBudget: TokenBucket?
    /// An answer of the server's own waits to be sent.
    var owesAnswer = false
    /// Queries and their answers are measured.
    let measuresDNS: Bool
    /// The worker flushes this client at the end of its batch.
    var isDirty = false

    /// Nanoseconds between two calls of a flow's updaters.
    private static let flowReportPeriod: UInt64 = 1_000_000_000

    /// Cuts what the transport delivers into packets.
    var decoder: FrameDecoder
    /// Where the connection stands with its session.
    private(set) var state = ServerClientState<Session, ServerClient>()

    init(
        identity: SessionIdentity,
        transport: any PacketTransport,
        framing: ChannelFraming,
        hooks: ClientHooks,
        worker: ServerWorker
    ) {
        handle = ConnectedClient(identity)
        self.transport = transport
        peerAddress = transport.peerAddress
        self.framing = framing
        self.hooks = hooks
        self.worker = worker
        let configuration = worker.configuration
        let transparent = worker.addressPool.transparentDNSAddresses
        var addresses = DNSResolvers([transparent.ipv4, transparent.ipv6])
        // Clients of the original know no addresses but its own.
        if framing == .psiphon {
            addresses.ipv4 += DNSResolvers.original.ipv4.filter { $0 != transparent.ipv4 }
            addresses.ipv6 += DNSResolvers.original.ipv6.filter { $0 != transparent.ipv6 }
        }
        transparentAddresses = addresses
        flows = FlowTable(limit: min(hooks.flowLimit ?? .max, configuration.flowLimit))
        flows.reportDNSQuality = hooks.reportDNSQuality
        measuresDNS = hooks.reportDNSQuality != nil
        sender = ChannelSender(
            framing: framing,
            pool: worker.pool,
            queueLimitInBytes: configuration.downstreamQueueLimitInBytes
        )
        if let rate = hooks.rateLimitInBytesPerSecond {
            // A tenth of a second may come at once, and one super-packet in any case.
            let capacity = max(Double(rate) / 10, Double(ChannelSender.roomForSuperPacket))
            let bucket = TokenBucket(tokensPerSecond: Double(rate), capacity: capacity)
            upstreamBudget = bucket
            downstreamBudget = bucket
        }
        decoder = FrameDecoder(framing: framing, mtu: configuration.mtu, pool: worker.pool)
    }

    // MARK: The session, from one client to the next

    /// Takes the session over. Nobody else touches it until `end` or `letGo`.
    func activate(_ session: Session) {
        switch change({ $0.sessionDidArrive() }) {
        case .use: break
        case .detach: return detach(from: session)
        case .pass(let successor): return Self.pass(session, to: successor)
        }
        self.session = session
        session.peerAddress = peerAddress
        worker.add(self, index: session.index)
        worker.deliverParked(to: self)
        if hooks.makeFlowActivityUpdaters != nil { scheduleFlowReports() }
    }

    /// Tells updaters of what their flows have carried, once a second until the end.
    private func scheduleFlowReports() {
        worker.loop.schedule(after: Self.flowReportPeriod) { [weak self] in
            guard let self, state.isOpen else { return }
            let now = worker.loop.now
            flows.removeIdle(now: now)
            flows.reportActive(since: now > 2 * Self.flowReportPeriod ? now - 2 * Self.flowReportPeriod : 0)
            scheduleFlowReports()
        }
    }

    /// Gives the session to a newer connection of the same client, as soon as it has it, and ends.
    func letGo(to successor: ServerClient) {
        end(reason: SessionIdentity.takeoverNotice, isTold: true)
        if let session = change({ $0.letGo(to: successor) }) { Self.pass(session, to: successor) }
    }

    /// Applies an event to a copy of the state: so no access lasts, and messages that ask for the state are spared the check that
    /// no two accesses overlap.
    private func change<Result>(_ event: (inout ServerClientState<Session, ServerClient>) -> Result) -> Result {
        var next = state
        defer { state = next }
        return event(&next)
    }

    private static func pass(_ session: Session, to successor: ServerClient) {
        if successor.worker.loop.isCurrent { return successor.activate(session) }
        successor.worker.loop.execute { successor.activate(session) }
    }

    private func detach(from session: Session) {
        let isClaimed = !worker.sessions.detach(self, identity: identity, now: worker.loop.now)
        // A hook that hears of the end may have connected the successor already.
        if let successor = change({ $0.didDetach(session, isClaimed: isClaimed) }) { Self.pass(session, to: successor) }
    }

    /// Ends the connection; the session stays, for the client to come back to. Idempotent.
    ///
    /// - Parameter isTold: the client hears the reason, too.
    func end(reason: String, isTold: Bool = false) {
        guard change({ $0.end() }) else { return }
        if isTold { transport.close(telling: reason) } else { transport.close() }
        transportDidFinishReceiving()
        let now = worker.loop.now
        flows.removeIdle(now: now)
        session?.lastFlowCount = flows.count
        if let session { park(for: session) }
        flows.removeAll(now: now)
        sender.removeAll()
        decoder.removeAll()
        defer { handle.isOver() }
        guard let session else { return }
        self.session = nil
        worker.remove(self, index: session.index)
        // Before the lease is free: once it is, another thread may use the session.
        report(session.checkpoint(), of: session)
        worker.logger.info("client disconnected", metadata: SessionReport.identification(session, reason: reason))
        detach(from: session)
    }

    /// Keeps what waits to be sent for the next client of the session, as it came from the device.
    private func park(for session: Session) {
        var packets: [ParkedPackets.Packet] = []
        sender.removeQueued { packet in
            guard let summary = restore(packet, session: session) else { return }
            session.counters.uncount(.downstream, summary, packet.offload)
            packets.append(unsafe ParkedPackets.Packet(bytes: Array(packet.bytes), offload: packet.offload))
        }
        if !packets.isEmpty { worker.sessions.park(packets, of: identity) }
    }

    /// Gives a packet for the client its assigned address back; nil if it cannot be told where it came from.
    private func restore(_ packet: borrowing PacketBuffer, session: Session) -> PacketSummary? {
        var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
        guard packet.isCounted, var summary = try? worker.rules.summary(of: bytes.bytes),
            summary.transport == .tcp || summary.transport == .udp,
            !transparentAddresses.contain(summary.source, summary.version)
        else { return nil }
        AddressRewriter.replaceDestination(
            of: &bytes,
            summary: &summary,
            with: session.address(summary.version),
            checksumIsPartial: packet.offload.checksumIsPartial
        )
        return summary
    }

    /// Reports a session that goes on, if there is something to report.
    func reportMetrics() {
        guard let session else { return }
        flows.removeIdle(now: worker.loop.now)
        let counters = session.checkpoint()
        if counters != PacketCounters() { report(counters, of: session) }
    }

    /// Reports what was counted since the last checkpoint: to the embedder, and to the log.
    private func report(_ counters: PacketCounters, of session: Session) {
        hooks.updateMetrics?(ApplicationBytes(counters))
        SessionReport.log(counters, of: session, to: worker.logger)
    }

    func transportDidClose(reason: String) {
        end(reason: reason)
    }
}
