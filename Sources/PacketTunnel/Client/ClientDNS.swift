internal import IPPacket

/// The client's half of transparent DNS: queries to the resolver that this host is configured with go to the server's
/// transparent address, and the answers come back as if from the former.
struct ClientDNS: ~Copyable {
    private let local: DNSResolvers
    private let transparent: DNSResolvers
    /// Which flows were redirected: others may talk to the transparent address by its own name.
    private var flows = FlowTable(limit: 4_096, forgetsActive: true)

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
        guard summary.isDNSQuery, let target = Self.first(transparent, summary.version),
            Self.all(local, summary.version).contains(summary.destination)
        else { return }
        let key = FlowKey(upstream: summary)
        if flows.find(key, now: now) == nil { _ = try? flows.insert(key, Flow(now: now), now: now) }
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
            summary.source == Self.first(transparent, summary.version)
        else { return }
        for address in Self.all(local, summary.version) {
            var seen = summary
            seen.source = address
            guard flows.find(FlowKey(downstream: seen), now: now) != nil else { continue }
            AddressRewriter.replaceSource(
                of: &bytes,
                summary: &summary,
                with: address,
                checksumIsPartial: offload.checksumIsPartial
            )
            return
        }
    }

    private static func all(_ resolvers: DNSResolvers, _ version: IPVersion) -> [IPAddress] {
        version == .v4 ? resolvers.ipv4 : resolvers.ipv6
    }

    private static func first(_ resolvers: DNSResolvers, _ version: IPVersion) -> IPAddress? {
        all(resolvers, version).first
    }
}
