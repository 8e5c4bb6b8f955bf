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

    /// The addresses that clients of the original packet tunnel send queries to, whatever their server's own are
    /// (`GetTransparentDNSResolverIPv4Address` and its IPv6 sibling in the seed).
    public static let original = DNSResolvers(
        ipv4: [IPAddress(ipv4: 0x0a00_0002)],
        ipv6: [IPAddress(bits: 0xfd19_ca83_e6d5_1c44 << 64 | 2)]
    )

    /// The addresses of one family.
    subscript(version: IPVersion) -> [IPAddress] { version == .v4 ? ipv4 : ipv6 }

    /// True if `address` is one of the resolvers for a family.
    func contain(_ address: IPAddress, _ version: IPVersion) -> Bool { self[version].contains(address) }
}

extension PacketSummary {
    /// The port of DNS over UDP and TCP (RFC 1035 §4.2).
    static var dnsPort: UInt16 { 53 }

    /// True for a packet that may carry a DNS query.
    var isDNSQuery: Bool { destinationPort == Self.dnsPort && (transport == .udp || transport == .tcp) }

    /// True for a packet that may come from a resolver.
    var isDNSAnswer: Bool { sourcePort == Self.dnsPort && (transport == .udp || transport == .tcp) }
}
