internal import IPPacket

/// ICMP, as far as `TrafficPolicy.permittedICMP` lets it through: echo requests, their replies, and errors that quote a
/// packet of a known flow. All of it is rate-limited; none of it is on the fast path.
extension ServerClient {
    /// Checks an ICMP message that the client sends.
    ///
    /// - Returns: what an error quotes; nil for an echo request, which has a flow of its own.
    func admitUpstreamICMP(_ summary: PacketSummary, _ packet: RawSpan) throws(RejectReason) -> QuotedFlow? {
        let isRequest =
            summary.icmpType == (summary.version == .v4 ? ICMPMessage.echoRequest : ICMPMessage.echoRequestV6)
        return try admitICMP(summary, packet, isEcho: isRequest, quotesUpstream: false)
    }

    /// Checks an ICMP message for the client; see `admitUpstreamICMP`.
    func admitDownstreamICMP(_ summary: PacketSummary, _ packet: RawSpan) throws(RejectReason) -> QuotedFlow? {
        let isReply = summary.icmpType == (summary.version == .v4 ? ICMPMessage.echoReply : ICMPMessage.echoReplyV6)
        return try admitICMP(summary, packet, isEcho: isReply, quotesUpstream: true)
    }

    private func admitICMP(
        _ summary: PacketSummary,
        _ packet: RawSpan,
        isEcho: Bool,
        quotesUpstream: Bool
    ) throws(RejectReason) -> QuotedFlow? {
        let permitted = worker.configuration.policy.permittedICMP
        let now = worker.loop.now
        if isEcho, permitted.contains(.echo) {
            guard icmpBudget.take(1, now: now) else { throw .rateLimit }
            return nil
        }
        // An error goes to the sender of what it quotes, or it would reach where no packet of a flow may go.
        guard permitted.contains(.errors), let quoted = QuotedFlow(in: packet, summary: summary),
            quoted.source == summary.destination,
            flows.find(FlowKey(quoted, isUpstream: quotesUpstream), now: now) != nil
        else { throw .invalidIPHeaderProtocol }
        guard icmpBudget.take(1, now: now) else { throw .rateLimit }
        return quoted
    }

    /// Turns the quote of an error into the packet as its sender knows it, and makes the checksums right again.
    ///
    /// - Parameters:
    ///   - address: replaces the quoted address at `offset` from the start of the quoted header's addresses.
    ///   - isSource: whether the quoted source or the quoted destination is replaced.
    func rewriteQuote(
        in bytes: inout MutableRawSpan,
        summary: PacketSummary,
        quoted: QuotedFlow,
        isSource: Bool,
        with address: IPAddress
    ) {
        switch summary.version {
        case .v4:
            let offset = quoted.ipOffset + (isSource ? 12 : 16)
            let old = bytes.uint32(at: offset)
            bytes.store(address.ipv4, at: offset)
            let checksum = bytes.uint16(at: quoted.ipOffset + 10)
            bytes.store(
                InternetChecksum.adjust(checksum: checksum, removing: old, adding: address.ipv4),
                at: quoted.ipOffset + 10
            )
        case .v6:
            bytes.store(address.bits, at: quoted.ipOffset + (isSource ? 8 : 24))
        }
        let offset = summary.offsetOfTransportChecksum
        bytes.store(UInt16(0), at: offset)
        var sum = InternetChecksum.sum(bytes.bytes.suffix(from: summary.ipHeaderLength))
        if summary.version == .v6 { sum += InternetChecksum.pseudoHeaderSum(summary) }
        bytes.store(~InternetChecksum.fold(sum), at: offset)
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
