internal import IPPacket

/// The way of a client's packet to the internet: validate, admit, rewrite, write.
extension ServerClient {
    /// Takes one packet, in place, from the channel to the device. What is refused is counted and left untouched.
    func processUpstream(_ packet: UnsafeMutableRawBufferPointer, offload: PacketOffload) {
        guard let session else { return }
        do throws(RejectReason) {
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
            var summary = try PacketSummary(validating: bytes.bytes)
            if framing == .gso { try offload.validate(summary: summary, mtu: worker.configuration.mtu) }
            let resolver = try resolver(for: summary, session: session)
            if summary.isDNSQuery { try admitQuery(in: bytes.bytes, summary: summary, offload: offload) }
            let quoted = try admitUpstream(summary, resolver: resolver, packet: bytes.bytes)
            session.counters.count(.upstream, summary, offload)
            if let resolver {
                AddressRewriter.replaceDestination(
                    of: &bytes,
                    summary: &summary,
                    with: resolver,
                    checksumIsPartial: offload.checksumIsPartial
                )
            }
            if let quoted {
                let assigned = session.address(summary.version)
                rewriteQuote(in: &bytes, summary: summary, quoted: quoted, isSource: false, with: assigned)
            }
            AddressRewriter.replaceSource(
                of: &bytes,
                summary: &summary,
                with: session.address(summary.version),
                checksumIsPartial: offload.checksumIsPartial
            )
            MSSClamp.clamp(
                &bytes,
                summary: summary,
                mtu: worker.configuration.mtu,
                checksumIsPartial: offload.checksumIsPartial
            )
            unsafe worker.writer.write(packet, summary: summary, offload: offload)
        } catch {
            session.counters.refuse(.upstream, error)
            if error == .disallowedDomain {
                unsafe answerRefused(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet)))
            }
        }
    }

    /// The resolver that a query to the transparent address goes to; nil for every other packet.
    private func resolver(for summary: PacketSummary, session: Session) throws(RejectReason) -> IPAddress? {
        let transparent = worker.addressPool.address(2, summary.version)
        guard summary.destination == transparent else { return nil }
        guard summary.isDNSQuery else { throw .invalidDestinationAddress }
        return try session.resolvers.choose(for: summary, seed: session.resolverSeed)
    }

    /// Decides whether a packet may pass, and remembers its flow.
    ///
    /// - Returns: for an ICMP error, what it quotes.
    private func admitUpstream(
        _ summary: PacketSummary,
        resolver: IPAddress?,
        packet: RawSpan
    ) throws(RejectReason) -> QuotedFlow? {
        guard worker.configuration.policy.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
        let original = summary.version == .v4 ? originalIPv4 : originalIPv6
        if let original {
            guard original == summary.source else { throw .invalidSourceAddress }
        } else if !TrafficPolicy.isUnicast(summary.source, summary.version) {
            throw .invalidSourceAddress
        }
        var target = summary
        if let resolver { target.destination = resolver }
        let now = worker.loop.now
        guard upstreamBudget?.take(summary.packetLength, now: now) != false else { throw .rateLimit }
        if summary.transport != .tcp, summary.transport != .udp {
            if let quoted = try admitUpstreamICMP(summary, packet) { return quoted }
        }
        let key = FlowKey(upstream: target)
        let slot: Int
        if let known = flows.find(key, now: now) {
            slot = known
        } else {
            slot = try beginFlow(key, target, isTransparent: resolver != nil, now: now)
        }
        if let stream = flows[slot].dnsStream {
            try admitSegment(packet, summary: summary, target: target, of: stream)
        }
        // Also with a flow that is known: a packet for the client may have begun it.
        if original == nil { learn(summary) }
        flows[slot].usesTransparentDNS = resolver != nil
        if measuresDNS, target.isDNSQuery { noteQuery(packet, summary: target, slot: slot, now: now) }
        account(slot, upstream: summary.payloadLength, downstream: 0, now: now)
        return nil
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

    /// Asks policy and port checkers about a new flow. `target` is the packet as it would leave the server.
    private func beginFlow(
        _ key: FlowKey,
        _ target: PacketSummary,
        isTransparent: Bool,
        now: UInt64
    ) throws(RejectReason) -> Int {
        if !isTransparent {
            // The server chose its resolvers itself; they may well be private addresses.
            guard worker.permits(destination: target.destination, version: target.version) else {
                throw .invalidDestinationAddress
            }
        }
        try checkPort(of: target, address: target.destination, port: target.destinationPort)
        return try insertFlow(key, address: target.destination, now: now)
    }

    func checkPort(of summary: PacketSummary, address: IPAddress, port: UInt16) throws(RejectReason) {
        switch summary.transport {
        case .tcp:
            guard hooks.allowsTCPPort(address, port) else { throw .disallowedTCPDestinationPort }
        case .udp:
            guard hooks.allowsUDPPort(address, port) else { throw .disallowedUDPDestinationPort }
        case .icmp, .icmpv6: break
        }
    }

    func insertFlow(_ key: FlowKey, address: IPAddress, now: UInt64) throws(RejectReason) -> Int {
        var flow = Flow(now: now)
        flow.dnsStream = makeDNSStream(key)
        // Flows that ended without an answer are reported now, and not when their place is needed.
        if measuresDNS, key.remotePort == PacketSummary.dnsPort { flows.removeIdle(now: now) }
        if let make = hooks.makeFlowActivityUpdaters { flow.updaters = make("", address) }
        return try flows.insert(key, flow, now: now)
    }

    /// Adds to a flow's figures, and tells its updaters about once a second.
    func account(_ slot: Int, upstream: Int, downstream: Int, now: UInt64) {
        guard !flows[slot].updaters.isEmpty else { return }
        flows[slot].upstreamBytes += upstream
        flows[slot].downstreamBytes += downstream
        if now &- flows[slot].lastUpdate >= 1_000_000_000 { flows[slot].report(now: now) }
    }
}
