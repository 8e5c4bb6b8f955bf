internal import IPPacket

/// The way of a packet from the internet to its client, from the tun device to the SSH connection. The functions follow in this
/// order.
///
/// 1. `ServerWorker.deviceIsReadable` has `DeviceReader.readBatch` read packets by `TunLane.read`.
/// 2. `ServerWorker.dispatch` reads a packet's facts by `PacketRules.summary`, and finds the client by its destination. A packet
///    for a client of another loop goes there (`forwardToOwner`).
/// 3. `processDownstream` has `judgeDownstream` decide. It cannot reach the device or the channel.
/// 4. `processDownstream` rewrites and counts what may pass (`Passage.apply`, `MSSClamp.clamp`), and gives it to
///    `ChannelSender.enqueue`, which keeps it in its flow's part of `FlowQueue`.
/// 5. `flush`, which `ServerWorker.deviceIsReadable` calls after the batch, and the transport when it has room again, has
///    `ChannelSender.flush` take packets from the queue, frame them, and gather small ones.
/// 6. `SSHChannel.write` passes a message to libssh, which encrypts it: `libssh_shim_channel_write` in `CLibSSH/channel.c`.
/// 7. `SSHSession.corking` holds encrypted messages for a full send; `send` is in `CLibSSH/receive.c`.
extension ServerClient {
    /// Takes one validated packet from the device to the client's queue.
    ///
    /// - Returns: the buffer, unless it went into the queue itself.
    func processDownstream(_ packet: consuming PacketBuffer, summary: PacketSummary) -> PacketBuffer? {
        guard let session else { return packet }
        do throws(RejectReason) {
            var summary = summary
            let passage = try unsafe judgeDownstream(
                summary,
                RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes)),
                session
            )
            let isPartial = packet.offload.checksumIsPartial
            session.counters.count(.downstream, summary, packet.offload)
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
            passage.apply(to: &bytes, summary: &summary, checksumIsPartial: isPartial)
            MSSClamp.clamp(
                &bytes,
                summary: summary,
                mtu: worker.segmentMTU(summary.version),
                checksumIsPartial: isPartial
            )
            return sender.enqueue(packet, summary: summary, now: worker.loop.now)
        } catch {
            session.counters.refuse(.downstream, error)
            return packet
        }
    }

    /// Decides whether a packet may pass, and finds out what the client's own packets of its flow look like. In the order of
    /// `judgeUpstream`, but that what begins a flow here is answered by nobody: the client has an address, and the source is
    /// one that it may send to.
    private func judgeDownstream(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        _ session: Session
    ) throws(RejectReason) -> Passage {
        guard worker.rules.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
        guard let address = original(summary.version, session) else { throw .noOriginalAddress }
        let now = worker.loop.now
        guard downstreamBudget?.take(summary.packetLength, now: now) != false else { throw .rateLimit }
        if summary.fragment == .later { return try followDownstream(summary, packet, now: now) }
        if summary.transport != .tcp, summary.transport != .udp {
            if var passage = try judgeDownstreamICMP(summary, packet, session, original: address) {
                passage.destination = address
                return passage
            }
        }
        let slot = try findDownstream(summary, session, now: now)
        var passage = Passage(source: flows[slot].transparent, destination: address, slot: slot)
        if passage.source != nil { try noteResolver(summary, slot: slot, now: now) }
        if let stream = flows[slot].dnsStream {
            let isAdmitted = stream.admitAnswer(
                flags: summary.tcpFlags,
                sequence: packet.uint32(at: summary.ipHeaderLength + TCPField.sequence),
                acknowledgement: packet.uint32(at: summary.ipHeaderLength + TCPField.acknowledgement)
            )
            guard isAdmitted else { throw .disallowedDomain }
        }
        if measuresDNS, summary.sourcePort == PacketSummary.dnsPort {
            noteAnswer(packet, summary: summary, slot: slot, now: now)
        }
        if summary.fragment == .first { try rememberDownstream(summary, packet, &passage, now: now) }
        account(slot, summary, .downstream)
        return passage
    }

    private func original(_ version: IPVersion, _ session: Session) -> IPAddress? {
        version == .v4 ? originalIPv4 ?? session.originalIPv4 : originalIPv6 ?? session.originalIPv6
    }

    /// The slot of a packet's flow. A resolver's answer may belong to a query that was sent to a transparent address.
    private func findDownstream(
        _ summary: PacketSummary,
        _ session: Session,
        now: UInt64
    ) throws(RejectReason) -> Int {
        let key = FlowKey(downstream: summary)
        var latest = flows.find(key, now: now)
        guard summary.isDNSAnswer, session.resolvers.contain(summary.source, summary.version) else {
            if let latest { return latest }
            return try beginDownstream(key, summary, now: now)
        }
        // The client may have asked the resolver by its own address from the same port: the last query counts.
        for transparent in transparentAddresses[summary.version] {
            let key = FlowKey(downstream: summary, transparent: transparent)
            guard let slot = flows.find(key, now: now) else { continue }
            if let other = latest, flows[other].queryNumber > flows[slot].queryNumber { continue }
            latest = slot
        }
        if let latest { return latest }
        // What a resolver says unasked can only be a late answer, and most clients ask the transparent address.
        guard let transparent = session.transparent(summary.version) ?? transparentAddresses[summary.version].first
        else {
            return try beginDownstream(key, summary, now: now)
        }
        let late = FlowKey(downstream: summary, transparent: transparent)
        let slot = insertFlow(late, transparent: transparent, now: now)
        flows[slot].resolver = summary.source
        return slot
    }

    /// After a reconnection the kernel still knows flows that are new here; the same rules hold for them.
    private func beginDownstream(
        _ key: FlowKey,
        _ summary: PacketSummary,
        now: UInt64
    ) throws(RejectReason) -> Int {
        guard worker.permits(destination: summary.source, version: summary.version) else {
            throw .invalidSourceAddress
        }
        try checkPort(of: summary, address: summary.source, port: summary.sourcePort)
        return insertFlow(key, transparent: nil, now: now)
    }

    private func followDownstream(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        now: UInt64
    ) throws(RejectReason) -> Passage {
        let facts = FragmentFacts(packet, summary: summary)
        let decision = try downstreamFragments.follow(facts, summary: summary, now: now)
        return passage(decision, summary, .downstream, now: now)
    }

    private func rememberDownstream(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        _ passage: inout Passage,
        now: UInt64
    ) throws(RejectReason) {
        let key =
            passage.source.map { FlowKey(downstream: summary, transparent: $0) } ?? FlowKey(downstream: summary)
        let decision = FragmentTable.Decision(source: passage.source, destination: passage.destination, flow: key)
        let facts = FragmentFacts(packet, summary: summary)
        if try downstreamFragments.begin(facts, summary: summary, decision, now: now) {
            session?.counters.refuse(.downstream, .fragmentLimit)
        }
    }

    /// Sends what waits, as far as the transport takes it.
    func flush() {
        guard state.isOpen else { return }
        sender.flush(to: transport, now: worker.loop.now)
        if let dropped = sender.takeDropped() { session?.counters.refuse(.downstream, dropped) }
    }

    func transportDidBecomeWritable() {
        flush()
    }
}
