public import IPPacket

/// The addresses that a server leases: one *index* stands for one IPv4 and one IPv6 address.
///
/// The index is the low bits of both. Four of them are never leased: 0 (the network), 1 (the server), 2 (transparent
/// DNS) and all ones (the IPv4 broadcast address).
public struct AddressPool: Sendable {
    /// Indexes below this belong to the server.
    static let firstIndex: UInt32 = 3

    /// The IPv4 network, /8 to /24.
    public let ipv4: IPPrefix
    /// The IPv6 network, /104 or shorter.
    public let ipv6: IPPrefix
    /// Bits of an index.
    public let indexBits: Int

    /// A pool over both networks.
    ///
    /// - Throws: `ConfigurationError` when a prefix has a length that leaves too little or too much room.
    public init(ipv4: IPPrefix, ipv6: IPPrefix) throws(ConfigurationError) {
        guard ipv4.network.isIPv4, (8...24).contains(ipv4.length) else {
            throw ConfigurationError(
                setting: "AddressPool",
                value: "\(ipv4)",
                reason: "has to be an IPv4 prefix from /8 to /24"
            )
        }
        guard !ipv6.network.isIPv4, (8...104).contains(ipv6.length) else {
            throw ConfigurationError(
                setting: "AddressPool6",
                value: "\(ipv6)",
                reason: "has to be an IPv6 prefix from /8 to /104"
            )
        }
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        indexBits = 32 - ipv4.length
    }

    /// Indexes that can be leased at the same time.
    public var capacity: Int { Int(lastIndex - Self.firstIndex) + 1 }

    var lastIndex: UInt32 { (1 << UInt32(indexBits)) - 2 }

    /// The IPv4 address of an index.
    @inlinable public func ipv4Address(_ index: UInt32) -> IPAddress {
        IPAddress(bits: ipv4.network.bits | UInt128(index))
    }

    /// The IPv6 address of an index.
    @inlinable public func ipv6Address(_ index: UInt32) -> IPAddress {
        IPAddress(bits: ipv6.network.bits | UInt128(index))
    }

    /// The address of an index in one family.
    @inlinable public func address(_ index: UInt32, _ version: IPVersion) -> IPAddress {
        version == .v4 ? ipv4Address(index) : ipv6Address(index)
    }

    /// The index of an address, if all of its other bits are the pool's.
    @inlinable public func index(of address: IPAddress) -> UInt32? {
        let index = address.ipv4 & ((1 << UInt32(indexBits)) - 1)
        let network = address.isIPv4 ? ipv4.network.bits : ipv6.network.bits
        return network | UInt128(index) == address.bits ? index : nil
    }

    /// The server's own addresses, which its device carries.
    public var serverAddresses: (ipv4: IPAddress, ipv6: IPAddress) { (ipv4Address(1), ipv6Address(1)) }

    /// The addresses that clients send DNS queries to, to have them answered by the server's resolvers
    /// (`GetTransparentDNSResolverIPv4Address` and its IPv6 sibling in the seed).
    public var transparentDNSAddresses: (ipv4: IPAddress, ipv6: IPAddress) { (ipv4Address(2), ipv6Address(2)) }
}
