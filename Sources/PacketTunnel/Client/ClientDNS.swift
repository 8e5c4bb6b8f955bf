internal import IPPacket

/// The client's half of transparent DNS: queries to the resolver that this host is configured with go to the server's
/// transparent address, and the answers come back as if from the former.
struct ClientDNS: ~Copyable {
    private let local: DNSResolvers
    let transparent: DNSResolvers
    /// Which flows were redirected: others may talk to the transparent address by its own name.
    private var flows = FlowTable(limit: 4_096)

    init(local: DNSResolvers, transparent: DNSResolvers) {
        self.local = local
        self.transparent = transparent
    }

    mutating func rewriteQuery(
        _ bytes: inout MutableRawSpan,
        summary: inout PacketSummary,
        offload: PacketOffload,
        now: UInt64
    ) {
        guard summary.isDNSQuery, let target = transparent[summary.version].first,
            target != summary.destination, local[summary.version].contains(summary.destination)
        else { return }
        let key = FlowKey(upstream: summary)
        if flows.find(key, now: now) == nil { _ = flows.insert(key, Flow(now: now), now: now) }
        AddressRewriter.replaceDestination(
            of: &bytes,
            summary: &summary,
            with: target,
            checksumIsPartial: offload.checksumIsPartial
        )
    }

    mutating func rewriteAnswer(
        _ bytes: inout MutableRawSpan,
        summary: inout PacketSummary,
        offload: PacketOffload,
        now: UInt64
    ) {
        guard summary.sourcePort == PacketSummary.dnsPort, flows.count > 0,
            summary.source == transparent[summary.version].first
        else { return }
        for address in local[summary.version] {
            guard flows.find(FlowKey(downstream: summary, transparent: address), now: now) != nil else { continue }
            AddressRewriter.replaceSource(
                of: &bytes,
                summary: &summary,
                with: address,
                checksumIsPartial: offload.checksumIsPartial
            )
            return
        }
    }
}
