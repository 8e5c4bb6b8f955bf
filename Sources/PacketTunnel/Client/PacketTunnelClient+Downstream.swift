internal import IPPacket

/// The way of a packet from the server to this host:
///
/// 1. `FrameDecoder.decode` finds the packet in what the channel has delivered.
/// 2. `processDownstream` reads its facts, and what its frame says of it.
/// 3. `ClientDNS.rewriteAnswer` lets answers come from where the query was sent to.
/// 4. `DeviceWriter.write` takes it to the device.
extension PacketTunnelClient {
    func processDownstream(
        _ packet: UnsafeMutableRawBufferPointer,
        offload: PacketOffload,
        framing: ChannelFraming
    ) {
        do throws(RejectReason) {
            var bytes = unsafe MutableRawSpan(_unsafeBytes: packet)
            var summary = try rules.summary(of: bytes.bytes)
            try judgeDownstream(summary)
            if framing == .gso { try offload.validate(summary: summary, mtu: configuration.mtu) }
            let asSent = summary
            if summary.fragment == .later {
                try followDownstream(&bytes, summary: &summary)
            } else {
                dns.rewriteAnswer(&bytes, summary: &summary, offload: offload, now: loop.now)
            }
            if summary.fragment == .first {
                try remember(bytes.bytes, asSent, .downstream, source: summary.source)
            }
            counters.count(.downstream, summary, offload)
            unsafe writer.write(packet, summary: summary, offload: offload)
        } catch {
            counters.refuse(.downstream, error)
        }
    }

    /// What the server says about a packet that it has refused passes, too, where refusals are explained.
    private func judgeDownstream(_ summary: PacketSummary) throws(RejectReason) {
        guard
            rules.permits(summary.transport)
                || rules.refusals == .reject && summary.isICMPError
        else { throw .invalidIPHeaderProtocol }
        guard ownAddresses.accepts(destination: summary.destination, summary.version) else {
            throw .invalidDestinationAddress
        }
    }

    private func followDownstream(
        _ bytes: inout MutableRawSpan,
        summary: inout PacketSummary
    ) throws(RejectReason) {
        let facts = FragmentFacts(bytes.bytes, summary: summary)
        let decision = try downstreamFragments.follow(facts, summary: summary, now: loop.now)
        Passage(source: decision.source).apply(to: &bytes, summary: &summary, checksumIsPartial: false)
    }
}
