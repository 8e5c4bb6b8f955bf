internal import IPPacket

/// How long resolvers take, for an embedder who asked for `ClientHooks.reportDNSQuality`.
extension ServerClient {
    /// Notes a query on its way to the resolver that the passage, or else the packet itself, names as its destination.
    func noteQuery(_ packet: RawSpan, _ summary: PacketSummary, _ passage: Passage, slot: Int, now: UInt64) {
        let resolver = passage.destination ?? summary.destination
        guard let message = DNSMessageFacts(packet, summary: summary), !message.isResponse,
            let evicted = flows[slot].dnsQueries.ask(message.identifier, resolver: resolver, now: now)
        else { return }
        hooks.reportDNSQuality?(false, now &- evicted.asked, evicted.resolver)
    }

    /// Notes an answer of the resolver that `summary` names as its source.
    func noteAnswer(_ packet: RawSpan, summary: PacketSummary, slot: Int, now: UInt64) {
        guard let message = DNSMessageFacts(packet, summary: summary), message.isResponse,
            let asked = flows[slot].dnsQueries.answer(message.identifier)
        else { return }
        hooks.reportDNSQuality?(true, now &- asked, summary.source)
    }
}

/// What tells queries and answers apart, and one of them from another.
private struct DNSMessageFacts {
    let identifier: UInt16
    let isResponse: Bool

    /// Nil for a packet that carries no message.
    init?(_ packet: RawSpan, summary: PacketSummary) {
        if summary.transport == .udp {
            guard summary.payloadLength >= DNSQuestion.headerLength else { return nil }
            identifier = packet.uint16(at: summary.headerLength + DNSField.identifier)
            isResponse = packet.byte(at: summary.headerLength + DNSField.flags) & DNSField.isResponse != 0
        } else {
            // Bytes of either direction stand for one query after another, see `DNSQueries`.
            guard summary.transport == .tcp, summary.payloadLength > 0 else { return nil }
            identifier = 0
            isResponse = summary.sourcePort == PacketSummary.dnsPort
        }
    }
}
