internal import IPPacket
internal import Logging

/// A connection that is attached to a session, or is about to be: its transport, its framing, its queue, its flows.
///
/// Owned by the loop of its transport from the first byte to the last.
final class ServerClient: PacketTransportReceiver, @unchecked Sendable {
    let identity: SessionIdentity
    /// Strong, which costs least per packet; the worker lets go of the client at its end.
    let worker: ServerWorker
    let framing: ChannelFraming
    let hooks: ClientHooks
    let transport: any PacketTransport
    var flows: FlowTable
    /// The client's own addresses, as this connection's first packets of either family showed them.
    var originalIPv4: IPAddress?
    var originalIPv6: IPAddress?
    var sender: ChannelSender
    /// Nil before the session's last client has let go of it, and after the end.
    private(set) var session: Session?
    /// ICMP messages, in both directions together.
    var icmpBudget = TokenBucket(tokensPerSecond: 20, capacity: 50)
    /// Bytes in either direction, where the client's rate is limited.
    var upstreamBudget: TokenBucket?
    var downstreamBudget: TokenBucket?
    /// An answer of the server's own waits to be sent.
    var owesAnswer = false
    /// Queries and their answers are measured.
    let measuresDNS: Bool
    /// The worker flushes this client at the end of its batch.
    var isDirty = false

    private var decoder: FrameDecoder
    private var isClosed = false
    private var successor: ServerClient?
    /// The session after the end, if a newer connection claimed it first: that one's `letGo` call is still under way.
    private var claimed: Session?
    private var reported = PacketCounters()

    init(
        identity: SessionIdentity,
        transport: any PacketTransport,
        framing: ChannelFraming,
        hooks: ClientHooks,
        worker: ServerWorker
    ) {
        self.identity = identity
        self.transport = transport
        self.framing = framing
        self.hooks = hooks
        self.worker = worker
        let configuration = worker.configuration
        flows = FlowTable(limit: configuration.flowLimit)
        flows.reportDNSQuality = hooks.reportDNSQuality
        measuresDNS = hooks.reportDNSQuality != nil
        sender = ChannelSender(
            framing: framing,
            pool: worker.pool,
            queueLimitInBytes: configuration.downstreamQueueLimitInBytes
        )
        if let rate = hooks.rateLimitInBytesPerSecond {
            // A tenth of a second may come at once, and one super-packet in any case.
            let bucket = TokenBucket(tokensPerSecond: Double(rate), capacity: max(Double(rate) / 10, 131_072))
            upstreamBudget = bucket
            downstreamBudget = bucket
        }
        decoder = FrameDecoder(framing: framing, mtu: configuration.mtu, pool: worker.pool)
    }

    // MARK: The session, from one client to the next

    /// Takes the session over. Nobody else touches it until `end` or `letGo`.
    func activate(_ session: Session) {
        if let successor { return Self.pass(session, to: successor) }
        guard !isClosed else { return detach(from: session) }
        self.session = session
        reported = session.counters
        worker.add(self, index: session.index)
    }

    /// Gives the session to a newer connection of the same client, as soon as it has it, and ends.
    func letGo(to successor: ServerClient) {
        end(reason: "taken over by a newer connection")
        if let claimed {
            self.claimed = nil
            Self.pass(claimed, to: successor)
        } else {
            self.successor = successor
        }
    }

    private static func pass(_ session: Session, to successor: ServerClient) {
        if successor.worker.loop.isCurrent { return successor.activate(session) }
        successor.worker.loop.execute { successor.activate(session) }
    }

    private func detach(from session: Session) {
        let isFree = worker.sessions.detach(self, identity: identity, now: worker.loop.now)
        if !isFree { claimed = session }
    }

    /// Ends the connection; the session stays, for the client to come back to. Idempotent.
    func end(reason: String) {
        guard !isClosed else { return }
        isClosed = true
        transport.close()
        transportDidFinishReceiving()
        let now = worker.loop.now
        flows.removeAll(now: now)
        sender.removeAll()
        decoder.removeAll()
        guard let session else { return }
        self.session = nil
        worker.remove(self, index: session.index)
        checkpoint(session)
        // The log line before the lease is free: once it is, another thread may use the session.
        worker.logger.info("client disconnected", metadata: SessionReport.metadata(session, reason: reason))
        detach(from: session)
    }

    /// Reports a session that goes on: to the log, and to the embedder.
    func reportMetrics() {
        guard let session else { return }
        flows.removeIdle(now: worker.loop.now)
        checkpoint(session)
        worker.logger.info("session metrics", metadata: SessionReport.metadata(session, reason: "periodic"))
    }

    /// Reports to the embedder what was carried since the last checkpoint.
    private func checkpoint(_ session: Session) {
        hooks.updateMetrics?(ApplicationBytes(session.counters, since: reported))
        reported = session.counters
    }

    // MARK: PacketTransportReceiver

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard !isClosed else { return }
        do throws(FramingError) {
            try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(FramingError) in
                unsafe try decoder.decode(buffer) { packet, offload in
                    unsafe processUpstream(packet, offload: offload)
                } flush: {
                    worker.writer.flush()
                }
            }
            countRefused()
            if owesAnswer {
                owesAnswer = false
                flush()
            }
        } catch {
            session?.counters.refuse(.upstream, .invalidFrame)
            end(reason: "broken framing: \(error)")
        }
    }

    func transportDidFinishReceiving() {
        decoder.finish { worker.writer.flush() }
        countRefused()
    }

    private func countRefused() {
        let refused = worker.writer.takeRefusedCount()
        if refused > 0 { session?.counters.refuse(.upstream, .queueFull, count: refused) }
    }

    func transportDidBecomeWritable() {
        flush()
    }

    func transportDidClose(reason: String) {
        end(reason: reason)
    }

    /// Sends what waits, as far as the transport takes it.
    func flush() {
        guard !isClosed else { return }
        sender.flush(to: transport, now: worker.loop.now)
        let dropped = sender.takeDropCount()
        if dropped > 0 { session?.counters.refuse(.downstream, .queueFull, count: dropped) }
    }
}
