internal import IPPacket

/// ICMP, as far as `TrafficPolicy.permittedICMP` lets it through: echo requests, their replies, and errors that quote a
/// packet of a known flow. All of it is rate-limited; none of it is on the fast path. Judges only: nothing here reaches the
/// device or the channel.
extension ServerClient {
    /// Judges an ICMP message that the client sends.
    ///
    /// - Returns: how an error passes; nil for an echo request, which has a flow of its own.
    func judgeUpstreamICMP(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        _ session: Session
    ) throws(RejectReason) -> Passage? {
        if try judgeEcho(summary, ICMPMessage.echoRequest, ICMPMessage.echoRequestV6) { return nil }
        let quoted = try quote(in: packet, summary)
        guard let slot = flows.find(FlowKey(quoted, isUpstream: false), now: worker.loop.now) else {
            throw .invalidIPHeaderProtocol
        }
        try takeErrorBudget()
        // What the client complains about may have come from a resolver, in the name of the transparent address.
        let sender = flows[slot].transparent == nil ? nil : flows[slot].resolver
        let quote = Passage.Quote(flow: quoted, source: sender, destination: session.address(summary.version))
        return Passage(destination: sender, quote: quote)
    }

    /// Judges an ICMP message for the client; see `judgeUpstreamICMP`.
    ///
    /// - Parameter original: the client's own address.
    func judgeDownstreamICMP(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        _ session: Session,
        original: IPAddress
    ) throws(RejectReason) -> Passage? {
        if try judgeEcho(summary, ICMPMessage.echoReply, ICMPMessage.echoReplyV6) { return nil }
        let quoted = try quote(in: packet, summary)
        let transparent = try transparentAddress(of: quoted, summary, session)
        try takeErrorBudget()
        if transparent != nil, summary.isUnreachable {
            worker.health.failed(quoted.destination, quoted.transport, now: worker.loop.now)
        }
        let quote = Passage.Quote(flow: quoted, source: original, destination: transparent)
        return Passage(source: summary.source == quoted.destination ? transparent : nil, quote: quote)
    }

    /// True for an echo of the type that may go this way, where echoes may pass.
    private func judgeEcho(_ summary: PacketSummary, _ type: UInt8, _ typeV6: UInt8) throws(RejectReason) -> Bool {
        guard summary.icmpType == (summary.version == .v4 ? type : typeV6),
            worker.rules.permittedICMP.contains(.echo)
        else { return false }
        guard echoBudget.take(1, now: worker.loop.now) else { throw .rateLimit }
        return true
    }

    /// What an error quotes. An error goes to the sender of that, or it would reach where no packet of a flow may go.
    private func quote(in packet: RawSpan, _ summary: PacketSummary) throws(RejectReason) -> QuotedFlow {
        guard worker.rules.permittedICMP.contains(.errors), summary.fragment == .whole,
            let quoted = QuotedFlow(in: packet, summary: summary), quoted.source == summary.destination
        else { throw .invalidIPHeaderProtocol }
        return quoted
    }

    private func takeErrorBudget() throws(RejectReason) {
        guard errorBudget.take(1, now: worker.loop.now) else { throw .rateLimit }
    }

    /// The transparent address that a quoted query was sent to; nil for a packet of any other flow.
    ///
    /// - Throws: if the quoted packet belongs to no flow.
    private func transparentAddress(
        of quoted: QuotedFlow,
        _ summary: PacketSummary,
        _ session: Session
    ) throws(RejectReason) -> IPAddress? {
        let now = worker.loop.now
        if flows.find(FlowKey(quoted, isUpstream: true), now: now) != nil { return nil }
        if quoted.destinationPort == PacketSummary.dnsPort,
            session.resolvers.contain(quoted.destination, summary.version)
        {
            for transparent in transparentAddresses[summary.version] {
                var known = quoted
                known.destination = transparent
                if flows.find(FlowKey(known, isUpstream: true), now: now) != nil { return transparent }
            }
        }
        throw .invalidIPHeaderProtocol
    }
}

extension PacketSummary {
    /// True for an error that says that its packet's destination cannot be reached.
    fileprivate var isUnreachable: Bool {
        switch transport {
        case .icmp: icmpType == ICMPMessage.destinationUnreachable
        case .icmpv6: icmpType == ICMPMessage.destinationUnreachableV6
        case .tcp, .udp: false
        }
    }
}

extension FlowKey {
    /// The flow that a quoted packet belongs to.
    ///
    /// - Parameter isUpstream: whether the quoted packet went from the client to the internet.
    init(_ quoted: QuotedFlow, isUpstream: Bool) {
        remote = isUpstream ? quoted.destination : quoted.source
        transport = quoted.transport
        switch quoted.transport {
        case .tcp, .udp:
            remotePort = isUpstream ? quoted.destinationPort : quoted.sourcePort
            localPort = isUpstream ? quoted.sourcePort : quoted.destinationPort
        case .icmp, .icmpv6:
            // The identifier stands on the client's side, in requests and replies alike.
            remotePort = 0
            localPort = quoted.sourcePort
        }
    }
}
