public import IPPacket

/// The resolvers that answer for the transparent addresses, of both families.
public struct DNSResolvers: Equatable, Sendable {
    /// Resolvers for queries over IPv4.
    public var ipv4: [IPAddress]
    /// Resolvers for queries over IPv6.
    public var ipv6: [IPAddress]

    /// Resolvers of both families; either list may be empty.
    public init(ipv4: [IPAddress] = [], ipv6: [IPAddress] = []) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// Sorts addresses into their families.
    public init(_ addresses: [IPAddress]) {
        ipv4 = addresses.filter(\.isIPv4)
        ipv6 = addresses.filter { !$0.isIPv4 }
    }

    /// True if `address` is one of the resolvers for a family.
    func contain(_ address: IPAddress, _ version: IPVersion) -> Bool {
        (version == .v4 ? ipv4 : ipv6).contains(address)
    }

    /// Chooses for one flow: by the client's port for UDP, so that a flow keeps its resolver and the flows spread over
    /// all; one for the whole session for TCP.
    func choose(for summary: PacketSummary, seed: UInt32) throws(RejectReason) -> IPAddress {
        let candidates = summary.version == .v4 ? ipv4 : ipv6
        guard !candidates.isEmpty else { throw .noDNSResolvers }
        guard candidates.count > 1 else { return candidates[0] }
        var number = seed
        if summary.transport == .udp { number ^= UInt32(summary.sourcePort) &* 0x9e37_79b9 }
        number = (number ^ number >> 15) &* 0x85eb_ca6b
        return candidates[Int(number >> 8) % candidates.count]
    }
}

extension PacketSummary {
    /// The port of DNS over UDP and TCP (RFC 1035 §4.2).
    static var dnsPort: UInt16 { 53 }

    /// True for a packet that may carry a DNS query.
    var isDNSQuery: Bool { destinationPort == Self.dnsPort && (transport == .udp || transport == .tcp) }
}
