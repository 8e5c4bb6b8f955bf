internal import IPPacket

/// What of a policy every single packet is asked about. A few bytes without a reference: reading the policy itself would count
/// the references to its lists of networks, for each packet.
struct PacketRules {
    let permittedICMP: TrafficPolicy.ICMP
    let refusals: TrafficPolicy.Refusals
    let fragments: TrafficPolicy.Fragments

    init(_ policy: TrafficPolicy) {
        permittedICMP = policy.permittedICMP
        refusals = policy.refusals
        fragments = policy.fragments
    }

    /// Reads a packet, or a fragment where they are carried.
    ///
    /// - Throws: as `PacketSummary(validating:)` and `PacketSummary(fragment:)`.
    @inline(__always)
    func summary(of packet: RawSpan) throws(RejectReason) -> PacketSummary {
        do {
            return try PacketSummary(validating: packet)
        } catch {
            guard error == .fragment, fragments == .carry else { throw error }
            return try PacketSummary(fragment: packet)
        }
    }

    /// Which protocols a client's packets may have: `transport` in a packet from either side.
    func permits(_ transport: TransportProtocol) -> Bool {
        switch transport {
        case .tcp, .udp: true
        case .icmp, .icmpv6: !permittedICMP.isEmpty
        }
    }
}
