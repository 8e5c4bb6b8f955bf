internal import IPPacket

/// The way of a packet from the internet to its client: admit, rewrite, enqueue.
extension ServerClient {
    /// Takes one validated packet from the device to the client's queue.
    ///
    /// - Returns: true if the buffer went into the queue; otherwise it is still the caller's.
    func processDownstream(_ packet: PacketBuffer, summary: PacketSummary) -> Bool {
        guard let session else { return false }
        do throws(RejectReason) {
            var summary = summary
            let original = try unsafe admitDownstream(
                summary,
                session: session,
                packet: RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes))
            )
            let isPartial = packet.offload.checksumIsPartial
            session.counters.count(.downstream, summary, packet.offload)
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
            if let quoted = original.quoted {
                rewriteQuote(in: &bytes, summary: summary, quoted: quoted, isSource: true, with: original.address)
            }
            if original.usesTransparentDNS {
                AddressRewriter.replaceSource(
                    of: &bytes,
                    summary: &summary,
                    with: worker.addressPool.address(2, summary.version),
                    checksumIsPartial: isPartial
                )
            }
            AddressRewriter.replaceDestination(
                of: &bytes,
                summary: &summary,
                with: original.address,
                checksumIsPartial: isPartial
            )
            MSSClamp.clamp(&bytes, summary: summary, mtu: worker.configuration.mtu, checksumIsPartial: isPartial)
            return sender.enqueue(packet, summary: summary, now: worker.loop.now)
        } catch {
            session.counters.refuse(.downstream, error)
            return false
        }
    }

    private struct Original {
        var address: IPAddress
        var usesTransparentDNS: Bool
        /// What an ICMP error quotes.
        var quoted: QuotedFlow?
    }

    /// Decides whether a packet may pass, and finds out what the client's own packets of its flow look like.
    private func admitDownstream(
        _ summary: PacketSummary,
        session: Session,
        packet: RawSpan
    ) throws(RejectReason) -> Original {
        guard worker.configuration.policy.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
        guard let address = original(summary.version, session) else { throw .noOriginalAddress }
        let now = worker.loop.now
        guard downstreamBudget?.take(summary.packetLength, now: now) != false else { throw .rateLimit }
        if summary.transport != .tcp, summary.transport != .udp {
            if let quoted = try admitDownstreamICMP(summary, packet) {
                return Original(address: address, usesTransparentDNS: false, quoted: quoted)
            }
        }
        let key = FlowKey(downstream: summary)
        let slot: Int
        if let known = flows.find(key, now: now) {
            slot = known
        } else {
            slot = try beginFlow(key, from: summary, resolvers: session.resolvers, now: now)
        }
        if let stream = flows[slot].dnsStream {
            let isAdmitted = stream.admitAnswer(
                flags: summary.tcpFlags,
                sequence: packet.uint32(at: summary.ipHeaderLength + 4),
                acknowledgement: packet.uint32(at: summary.ipHeaderLength + 8)
            )
            guard isAdmitted else { throw .disallowedDomain }
        }
        if measuresDNS, summary.sourcePort == PacketSummary.dnsPort {
            noteAnswer(packet, summary: summary, slot: slot, now: now)
        }
        account(slot, upstream: 0, downstream: summary.payloadLength, now: now)
        return Original(address: address, usesTransparentDNS: flows[slot].usesTransparentDNS)
    }

    private func original(_ version: IPVersion, _ session: Session) -> IPAddress? {
        version == .v4 ? originalIPv4 ?? session.originalIPv4 : originalIPv6 ?? session.originalIPv6
    }

    /// After a reconnection the kernel still knows flows that are new here; the same rules hold for them.
    private func beginFlow(
        _ key: FlowKey,
        from summary: PacketSummary,
        resolvers: DNSResolvers,
        now: UInt64
    ) throws(RejectReason) -> Int {
        // What a resolver says unasked can only be a late answer, and most clients ask the transparent address.
        let isAnswer =
            summary.sourcePort == PacketSummary.dnsPort && resolvers.contain(summary.source, summary.version)
        guard isAnswer || worker.permits(destination: summary.source, version: summary.version) else {
            throw .invalidSourceAddress
        }
        try checkPort(of: summary, address: summary.source, port: summary.sourcePort)
        let slot = try insertFlow(key, address: summary.source, now: now)
        flows[slot].usesTransparentDNS = isAnswer
        return slot
    }
}
