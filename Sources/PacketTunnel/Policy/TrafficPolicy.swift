public import IPPacket

/// Where packets may go, by address and protocol. The same for every client of a server; asked once per flow.
public struct TrafficPolicy: Equatable, Sendable {
    /// Which ICMP messages are carried beside TCP and UDP.
    public struct ICMP: OptionSet, Hashable, Sendable {
        /// The bits.
        public let rawValue: UInt8
        /// A set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Error messages that quote a packet of a known flow.
        public static let errors = ICMP(rawValue: 1)
        /// Echo requests and their replies.
        public static let echo = ICMP(rawValue: 2)
    }

    /// What the sender of a refused packet is told.
    public enum Refusals: Sendable {
        /// Nothing.
        case drop
        /// A reset over TCP, "administratively prohibited" otherwise, within a rate.
        case reject
    }

    /// What becomes of IP fragments.
    public enum Fragments: Sendable {
        /// They are refused.
        case refuse
        /// The first fragment of a datagram is judged like any packet, and later ones follow it.
        case carry
    }

    /// Networks that no packet may go to.
    public var deniedNetworks: [IPPrefix]
    /// Networks that packets may go to although `deniedNetworks` has them.
    public var permittedNetworks: [IPPrefix] = []
    /// Networks that no packet may go to, whatever `permittedNetworks` has: the server's own addresses.
    public var alwaysDeniedNetworks: [IPPrefix] = []
    /// The ICMP messages let through; none by default.
    public var permittedICMP: ICMP
    /// What the sender of a refused packet is told; nothing by default.
    public var refusals = Refusals.drop
    /// What becomes of fragments; refused by default.
    public var fragments = Fragments.refuse

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

    /// True if `address` is one that routers forward to, and that no network denies or one permits.
    func permits(destination address: IPAddress, version: IPVersion) -> Bool {
        guard Self.isForwarded(address, version) else { return false }
        for network in alwaysDeniedNetworks where network.contains(address) { return false }
        for network in permittedNetworks where network.contains(address) { return true }
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

    /// True for a unicast address that is not link-local, and embeds none that may not be forwarded to. Holds whatever the
    /// policy says.
    static func isForwarded(_ address: IPAddress, _ version: IPVersion) -> Bool {
        guard isUnicast(address, version) else { return false }
        if address.isIPv4 { return address.ipv4 >> 16 != 0xa9fe }
        // fe80::/10
        if address.bits >> 118 == 0xfe80 >> 6 { return false }
        guard let embedded = embeddedIPv4(in: address) else { return true }
        return isForwarded(embedded, .v4)
    }

    /// The IPv4 address in a 6to4 (RFC 3056 §2) or NAT64 (RFC 6052 §2.1, RFC 8215) address, through which it is reached.
    private static func embeddedIPv4(in address: IPAddress) -> IPAddress? {
        if address.bits >> 112 == 0x2002 { return IPAddress(ipv4: UInt32(truncatingIfNeeded: address.bits >> 80)) }
        let isTranslated = address.bits >> 32 == 0x0064_ff9b << 64 || address.bits >> 80 == 0x0064_ff9b_0001
        return isTranslated ? IPAddress(ipv4: address.ipv4) : nil
    }
}
