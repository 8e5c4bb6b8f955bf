internal import IPPacket

/// The way of this host's packet to the server:
///
/// 1. `DeviceReader.readBatch` reads it.
/// 2. `judgeUpstream` decides: what the server would refuse is not sent.
/// 3. `ClientDNS.rewriteQuery` sends queries to the server's transparent resolver.
/// 4. `ClientConnection.enqueue` queues it, `ClientConnection.flush` sends what the channel takes.
extension PacketTunnelClient {
    /// Takes one packet from the device to the server's queue.
    ///
    /// - Returns: the buffer, unless it went into the queue itself.
    func processUpstream(_ packet: consuming PacketBuffer) -> PacketBuffer? {
        do throws(RejectReason) {
            guard let connection, !dropsTraffic else { throw .noClient }
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet.bytes)
            var summary = try rules.summary(of: bytes.bytes)
            try judgeUpstream(summary, packet.offload)
            let asSent = summary
            if summary.fragment == .later {
                try followUpstream(&bytes, summary: &summary)
            } else {
                dns.rewriteQuery(&bytes, summary: &summary, offload: packet.offload, now: loop.now)
            }
            if summary.fragment == .first {
                try remember(bytes.bytes, asSent, .upstream, destination: summary.destination)
            }
            counters.count(.upstream, summary, packet.offload)
            return connection.enqueue(packet, summary: summary)
        } catch {
            counters.refuse(.upstream, error)
            if rules.refusals == .reject, error.isExplained {
                unsafe explainRefusal(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(packet.bytes)))
            }
            return packet
        }
    }

    private func judgeUpstream(_ summary: PacketSummary, _ offload: PacketOffload) throws(RejectReason) {
        guard rules.permits(summary.transport) else { throw .invalidIPHeaderProtocol }
        guard TrafficPolicy.isUnicast(summary.source, summary.version) else { throw .invalidSourceAddress }
        guard configuration.policy.permits(destination: summary.destination, version: summary.version) else {
            throw .invalidDestinationAddress
        }
        ownAddresses.learn(source: summary.source, summary.version)
        guard summary.fragment == .whole || offload == .none else { throw .invalidFrame }
    }

    private func followUpstream(
        _ bytes: inout MutableRawSpan,
        summary: inout PacketSummary
    ) throws(RejectReason) {
        let facts = FragmentFacts(bytes.bytes, summary: summary)
        let decision = try upstreamFragments.follow(facts, summary: summary, now: loop.now)
        Passage(destination: decision.destination).apply(to: &bytes, summary: &summary, checksumIsPartial: false)
    }

    /// Remembers what becomes of the addresses of a datagram's first fragment.
    ///
    /// - Parameter asSent: its summary before they were changed.
    func remember(
        _ packet: RawSpan,
        _ asSent: PacketSummary,
        _ direction: PacketDirection,
        source: IPAddress? = nil,
        destination: IPAddress? = nil
    ) throws(RejectReason) {
        let decision = FragmentTable.Decision(source: source, destination: destination)
        let facts = FragmentFacts(packet, summary: asSent)
        let hasGivenUp =
            switch direction {
            case .upstream: try upstreamFragments.begin(facts, summary: asSent, decision, now: loop.now)
            case .downstream: try downstreamFragments.begin(facts, summary: asSent, decision, now: loop.now)
            }
        if hasGivenUp { counters.refuse(direction, .fragmentLimit) }
    }

    /// Tells a program of this host that its packet goes nowhere.
    private func explainRefusal(_ packet: RawSpan) {
        guard let answer = RefusalAnswer(to: packet), answer.isDue, refusalBudget.take(1, now: loop.now) else { return }
        var buffer = pool.takeLarge()
        var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer.space)
        buffer.length = answer.write(answering: packet, into: &bytes)
        let written = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(buffer.bytes))
        if let summary = try? PacketSummary(validating: written) {
            unsafe writer.write(buffer.bytes, summary: summary, offload: .none)
            writer.flush()
        }
        pool.release(buffer)
    }
}
