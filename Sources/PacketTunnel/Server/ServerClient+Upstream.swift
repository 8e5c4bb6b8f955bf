internal import IPPacket

/// The way of a client's packet to the internet, from the SSH connection to the tun device. The functions follow in this order.
///
/// 1. `SSHSession.descriptorIsReady` has libssh read: `ssh_event_dopoll`, whose `poll` and `recv` are in `CLibSSH/receive.c`.
/// 2. `libssh_shim_on_channel_data` (`CLibSSH/flow.c`) takes the decrypted data from under libssh.
/// 3. `SSHChannel.receive` passes it on; over another transport the journey begins here, in `DescriptorTransport.read`.
/// 4. `transportDidReceive` has `FrameDecoder.decode` find the packets in it.
/// 5. `processUpstream` reads a packet's facts by `PacketRules.summary`, and what its frame says of it.
/// 6. `judgeUpstream` decides. It cannot reach the device or the channel.
/// 7. `processUpstream` rewrites and counts what may pass (`Passage.apply`, `MSSClamp.clamp`), and gives it to
///    `DeviceWriter.write`, which joins the segments of a flow; `answerRefusal` tells the client about what may not.
/// 8. `transportDidFinishReceiving`, which `SSHChannel.service` calls at the end of the turn, has `DeviceWriter.flush` write
///    what was held back. A batch of frames is written before `decode` returns.
/// 9. `TunLane.write` writes to the tun device.
extension ServerClient {
    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard state.isOpen else { return }
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

    /// Takes one packet, in place, from the channel to the device. What is refused is counted and left untouched.
    func processUpstream(_ packet: UnsafeMutableRawBufferPointer, offload: PacketOffload) {
        guard let session else { return }
        var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
        do throws(RejectReason) {
            var summary = try worker.rules.summary(of: bytes.bytes)
            if framing == .gso { try offload.validate(summary: summary, mtu: worker.configuration.mtu) }
            var passage = try judgeUpstream(summary, bytes.bytes, offload, session)
            passage.source = session.address(summary.version)
            session.counters.count(.upstream, summary, offload)
            passage.apply(to: &bytes, summary: &summary, checksumIsPartial: offload.checksumIsPartial)
            MSSClamp.clamp(
                &bytes,
                summary: summary,
                mtu: worker.segmentMTU(summary.version),
                checksumIsPartial: offload.checksumIsPartial
            )
            unsafe worker.writer.write(packet, summary: summary, offload: offload)
            if let probed = passage.probed { unsafe probe(probed, with: packet, summary: summary, offload: offload) }
        } catch {
            session.counters.refuse(.upstream, error)
            unsafe answerRefusal(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet)), reason: error)
        }
    }

    /// Decides whether a packet may pass, and remembers its flow. In this order:
    ///
    /// 1. the protocol, the source, the client's rate;
    /// 2. a later fragment follows the first one of its datagram;
    /// 3. ICMP has rules of its own, `judgeUpstreamICMP`;
    /// 4. the first packet of a flow needs a permitted destination and port, or a resolver where it asks the transparent one, and
    ///    an allowance;
    /// 5. a query needs a permitted name;
    /// 6. a first fragment is remembered for those that follow.
    private func judgeUpstream(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        _ offload: PacketOffload,
        _ session: Session
    ) throws(RejectReason) -> Passage {
        let now = worker.loop.now
        guard worker.rules.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
        try checkSource(of: summary)
        guard upstreamBudget?.take(summary.packetLength, now: now) != false else { throw .rateLimit }
        if summary.fragment == .later { return try followUpstream(summary, packet, now: now) }
        if summary.transport != .tcp, summary.transport != .udp {
            if let passage = try judgeUpstreamICMP(summary, packet, session) { return passage }
        }
        let key = FlowKey(upstream: summary)
        let known = flows.find(key, now: now)
        if known == nil { try checkFlow(of: summary, session, now: now) }
        if summary.isDNSQuery { try judgeQuery(packet, summary: summary, offload: offload) }
        let slot = known ?? beginUpstream(key, summary, now: now)
        var passage = Passage(slot: slot)
        if summary.isDNSQuery {
            queryCount += 1
            flows[slot].queryNumber = queryCount
        }
        if flows[slot].transparent != nil { chooseResolver(summary, session, &passage, slot: slot, now: now) }
        if flows[slot].dnsStream != nil { try judgeSegment(packet, summary: summary, slot: slot) }
        if summary.fragment == .first { try rememberUpstream(summary, packet, passage, key, now: now) }
        // A known flow does not say that the address is known: a packet for the client may have begun the flow.
        if original(summary.version) == nil { learn(summary) }
        if measuresDNS, summary.isDNSQuery { noteQuery(packet, summary, passage, slot: slot, now: now) }
        account(slot, summary, .upstream)
        return passage
    }

    private func checkSource(of summary: PacketSummary) throws(RejectReason) {
        if let original = original(summary.version) {
            guard original == summary.source else { throw .invalidSourceAddress }
        } else if !TrafficPolicy.isUnicast(summary.source, summary.version) {
            throw .invalidSourceAddress
        }
    }

    /// The address that this connection's packets of a family come from, once one of them has passed.
    private func original(_ version: IPVersion) -> IPAddress? { version == .v4 ? originalIPv4 : originalIPv6 }

    /// Decides about the first packet of a flow.
    private func checkFlow(of summary: PacketSummary, _ session: Session, now: UInt64) throws(RejectReason) {
        try checkDestination(of: summary, session)
        guard hooks.flowAllowance?.take(now: now) != false else { throw .rateLimit }
    }

    /// Asks policy and port checkers about the first packet of a flow.
    private func checkDestination(of summary: PacketSummary, _ session: Session) throws(RejectReason) {
        if isTransparent(summary) {
            // The server chose its resolvers itself: they may well be private addresses, and no port rule is about them.
            guard !session.resolvers[summary.version].isEmpty else { throw .noDNSResolvers }
            return
        }
        guard worker.permits(destination: summary.destination, version: summary.version) else {
            throw .invalidDestinationAddress
        }
        try checkPort(of: summary, address: summary.destination, port: summary.destinationPort)
    }

    func checkPort(of summary: PacketSummary, address: IPAddress, port: UInt16) throws(RejectReason) {
        switch summary.transport {
        case .tcp:
            guard port != 0, hooks.allowsTCPPort(address, port) else { throw .disallowedTCPDestinationPort }
        case .udp:
            guard port != 0, hooks.allowsUDPPort(address, port) else { throw .disallowedUDPDestinationPort }
        case .icmp, .icmpv6:
            guard hooks.allowsEcho(address) else { throw .invalidDestinationAddress }
        }
    }

    private func beginUpstream(_ key: FlowKey, _ summary: PacketSummary, now: UInt64) -> Int {
        insertFlow(key, transparent: isTransparent(summary) ? summary.destination : nil, now: now)
    }

    func insertFlow(_ key: FlowKey, transparent: IPAddress?, now: UInt64) -> Int {
        var flow = Flow(now: now)
        flow.transparent = transparent
        flow.dnsStream = makeDNSStream(key)
        // Flows that ended without an answer are reported now, and not when their place is needed.
        if measuresDNS, key.remotePort == PacketSummary.dnsPort { flows.removeIdle(now: now) }
        if let make = hooks.makeFlowActivityUpdaters { flow.updaters = make("", key.remote) }
        let slot = flows.insert(key, flow, now: now)
        session?.counters.evictFlows(flows.takeEvictedCount())
        return slot
    }

    private func learn(_ summary: PacketSummary) {
        if summary.version == .v4 {
            originalIPv4 = summary.source
            session?.originalIPv4 = summary.source
        } else {
            originalIPv6 = summary.source
            session?.originalIPv6 = summary.source
        }
    }

    /// Adds a packet to its flow's figures, and tells the flow's updaters of a connection's end.
    func account(_ slot: Int, _ summary: PacketSummary, _ direction: PacketDirection) {
        let isLast = summary.transport == .tcp && flows.note(summary, direction, slot: slot)
        guard !flows[slot].updaters.isEmpty else { return }
        switch direction {
        case .upstream: flows[slot].upstreamBytes += summary.payloadLength
        case .downstream: flows[slot].downstreamBytes += summary.payloadLength
        }
        if isLast { flows[slot].report() }
    }

    func transportDidFinishReceiving() {
        decoder.finish { worker.writer.flush() }
        countRefused()
    }

    private func countRefused() {
        if let dropped = worker.writer.takeDropped() { session?.counters.refuse(.upstream, dropped) }
    }

    /// Has the next packet of a flow judged anew if the policy forbids it now.
    func forgetForbiddenFlows() {
        let worker = worker
        flows.remove(now: worker.loop.now) { key, flow in
            let version: IPVersion = key.remote.isIPv4 ? .v4 : .v6
            return flow.transparent == nil && !worker.permits(destination: key.remote, version: version)
        }
    }
}

/// Fragments: the first one of a datagram is judged, the others follow it.
extension ServerClient {
    private func followUpstream(_ summary: PacketSummary, _ packet: RawSpan, now: UInt64) throws(RejectReason)
        -> Passage
    {
        let facts = FragmentFacts(packet, summary: summary)
        let decision = try upstreamFragments.follow(facts, summary: summary, now: now)
        return passage(decision, summary, .upstream, now: now)
    }

    func passage(
        _ decision: FragmentTable.Decision,
        _ summary: PacketSummary,
        _ direction: PacketDirection,
        now: UInt64
    ) -> Passage {
        let slot = decision.flow.flatMap { flows.find($0, now: now) }
        if let slot { account(slot, summary, direction) }
        return Passage(source: decision.source, destination: decision.destination, slot: slot)
    }

    private func rememberUpstream(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        _ passage: Passage,
        _ key: FlowKey,
        now: UInt64
    ) throws(RejectReason) {
        let decision = FragmentTable.Decision(destination: passage.destination, flow: key)
        let facts = FragmentFacts(packet, summary: summary)
        if try upstreamFragments.begin(facts, summary: summary, decision, now: now) {
            session?.counters.refuse(.upstream, .fragmentLimit)
        }
    }
}
