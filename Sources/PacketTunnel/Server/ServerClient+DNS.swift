internal import IPPacket

/// Transparent DNS, and names that the client may not look up. Judges only: nothing here reaches the device or the channel.
extension ServerClient {
    /// True for a query to one of the transparent addresses.
    func isTransparent(_ summary: PacketSummary) -> Bool {
        summary.isDNSQuery && transparentAddresses.contain(summary.destination, summary.version)
    }

    /// Chooses the resolver that a packet of a flow to the transparent address goes to: for every query over UDP, for every
    /// connection over TCP.
    func chooseResolver(
        _ summary: PacketSummary,
        _ session: Session,
        _ passage: inout Passage,
        slot: Int,
        now: UInt64
    ) {
        session.noteTransparent(summary.destination, summary.version)
        guard summary.transport == .udp else {
            let resolver = resolverOfConnection(summary, session, slot: slot, now: now)
            flows[slot].resolver = resolver
            passage.destination = resolver
            return
        }
        let choice = worker.health.choose(session.resolvers[summary.version], .udp, now: now)
        flows[slot].resolver = choice.resolver
        passage.destination = choice.resolver
        worker.health.asked(choice.resolver, .udp, now: now)
        if summary.fragment == .whole, let probed = choice.probed {
            passage.probed = probed
            worker.health.asked(probed, .udp, now: now)
        }
    }

    /// A connection keeps its resolver, also over a new tunnel. A SYN that nobody has answered may go to another one.
    private func resolverOfConnection(
        _ summary: PacketSummary,
        _ session: Session,
        slot: Int,
        now: UInt64
    ) -> IPAddress {
        let isOpening = summary.tcpFlags & (TCPFlags.syn | TCPFlags.ack | TCPFlags.rst) == TCPFlags.syn
        let known = flows[slot].resolver ?? (isOpening ? nil : session.resolver(ofConnection: summary))
        if let known {
            let isStuck = !flows[slot].isAnswered && !worker.health.answers(known, .tcp, now: now)
            guard isOpening, isStuck || flows[slot].progress.isOver else { return known }
        }
        let choice = worker.health.choose(session.resolvers[summary.version], .tcp, now: now)
        // No copy can probe a resolver over TCP; where it stays silent, the next SYN goes elsewhere.
        let resolver = known == nil ? choice.probed ?? choice.resolver : choice.resolver
        flows[slot].isAnswered = false
        worker.health.asked(resolver, .tcp, now: now)
        session.noteResolver(resolver, ofConnection: summary)
        return resolver
    }

    /// Notes what a resolver sends in answer to a flow to the transparent address.
    ///
    /// - Throws: `.invalidSourceAddress` if the connection is another resolver's.
    func noteResolver(_ summary: PacketSummary, slot: Int, now: UInt64) throws(RejectReason) {
        guard summary.transport == .tcp else { return worker.health.answered(summary.source, .udp) }
        guard flows[slot].resolver == summary.source else { throw .invalidSourceAddress }
        if summary.tcpFlags & TCPFlags.rst != 0, !flows[slot].isAnswered {
            worker.health.failed(summary.source, .tcp, now: now)
        } else {
            worker.health.answered(summary.source, .tcp)
            flows[slot].isAnswered = true
        }
    }

    // MARK: Names

    /// Refuses a datagram that asks for a name that the client may not look up.
    func judgeQuery(
        _ packet: RawSpan,
        summary: PacketSummary,
        offload: PacketOffload
    ) throws(RejectReason) {
        guard let allowsDomain = hooks.allowsDomain, summary.transport == .udp else { return }
        // Only the first of several queries would be looked at.
        guard !offload.isSuperPacket else { throw .invalidDNSMessage }
        let question = try DNSQuestion(parsing: packet.suffix(from: summary.headerLength))
        guard allowsDomain(question.name) else { throw .disallowedDomain }
    }

    /// What judges the names asked for in a new flow; nil where nothing has to.
    func makeDNSStream(_ key: FlowKey) -> DNSStream? {
        guard hooks.allowsDomain != nil, key.transport == .tcp, key.remotePort == PacketSummary.dnsPort else {
            return nil
        }
        return DNSStream(limit: Int(UInt16.max))
    }

    /// Judges a segment to a resolver. The stream keeps the verdict for `answerRefusal`.
    func judgeSegment(_ packet: RawSpan, summary: PacketSummary, slot: Int) throws(RejectReason) {
        guard let allowsDomain = hooks.allowsDomain, let stream = flows[slot].dnsStream else { return }
        // The bytes of later fragments would not be looked at.
        guard summary.fragment == .whole else { throw .invalidDNSMessage }
        let payload = packet.suffix(from: summary.headerLength)
        let sequence = packet.uint32(at: summary.ipHeaderLength + TCPField.sequence)
        switch stream.judge(payload, sequence: sequence, flags: summary.tcpFlags, allows: allowsDomain) {
        case .pass: return
        case .wait: throw .invalidDNSMessage
        case .end(let reason): throw reason
        case .isOver: throw .disallowedDomain
        }
    }
}
