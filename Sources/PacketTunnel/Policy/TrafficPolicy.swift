public import IPPacket

/// Where packets may go, by address and protocol. The same for every client of a server; asked once per flow.
public struct TrafficPolicy: Sendable {
    /// Which ICMP messages are carried beside TCP and UDP.
    public struct ICMP: OptionSet, Sendable {
        /// The bits.
        public let rawValue: UInt8
        /// A set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Error messages that quote a packet of a known flow.
        public static let errors = ICMP(rawValue: 1)
        /// Echo requests and their replies.
        public static let echo = ICMP(rawValue: 2)
    }

    /// Networks that no packet may go to.
    public var deniedNetworks: [IPPrefix]
    /// The ICMP messages let through; none by default.
    public var permittedICMP: ICMP

    /// - Parameters:
    ///   - deniedNetworks: networks that no packet may go to, of both families.
    ///   - permittedICMP: the ICMP messages let through.
    public init(
        deniedNetworks: [IPPrefix] = TrafficPolicy.defaultDeniedNetworks,
        permittedICMP: ICMP = []
    ) {
        self.deniedNetworks = deniedNetworks
        self.permittedICMP = permittedICMP
    }

    /// True if `address` is a unicast address outside of every denied network.
    func permits(destination address: IPAddress, version: IPVersion) -> Bool {
        guard Self.isUnicast(address, version) else { return false }
        for network in deniedNetworks where network.contains(address) { return false }
        return true
    }

    /// True unless `address`, from a packet of `version`, is unspecified, loopback, multicast, or broadcast.
    static func isUnicast(_ address: IPAddress, _ version: IPVersion) -> Bool {
        // An IPv6 header with a mapped address would pass for IPv4 here (RFC 4291 §2.5.5.2).
        guard address.isIPv4 == (version == .v4) else { return false }
        if address.isIPv4 {
            let first = address.ipv4 >> 24
            return first != 0 && first != 127 && first < 224
        }
        return address.bits > 1 && address.bits >> 120 != 0xff
    }

    /// Which protocols a client's packets may have: `transport` in a packet from either side.
    func permits(_ transport: TransportProtocol) -> Bool {
        switch transport {
        case .tcp, .udp: true
        case .icmp, .icmpv6: !permittedICMP.isEmpty
        }
    }
}
