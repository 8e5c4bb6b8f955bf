internal import FoundationEssentials
public import IPPacket
public import PacketTunnel

/// What a client may know of a server: the answer to `info`, one JSON object.
public struct ServerInformation: Codable, Equatable, Sendable {
    /// The program that answers.
    public var program = "packet-tunneld"
    /// Its version.
    public var version = ProgramVersion.text
    /// Bytes of the largest packet; the client's device has to have the same.
    public var mtu: Int
    /// Where DNS queries over IPv4 go to have them answered by the server's resolvers.
    public var transparentDNSIPv4: String
    /// The same for IPv6.
    public var transparentDNSIPv6: String
    /// How many of the server's resolvers answer at `transparentDNSIPv4`. Without any, no name can be looked up there.
    /// Servers of earlier versions do not say it.
    public var dnsResolversIPv4: Int?
    /// The same for `transparentDNSIPv6`.
    public var dnsResolversIPv6: Int?
    /// The address families that the server has a way out for, `ipv4` and `ipv6`. Servers of earlier versions do not say it.
    public var egressFamilies: [String]?
    /// The channel types that the server accepts, the best last.
    public var channelTypes = ChannelFraming.allCases.map(\.channelType)
    /// How long a session without a client is kept.
    public var sessionExpirySeconds: Int64
    /// Flows that a client may have at once.
    public var maxFlows: Int
    /// The ICMP messages that pass: none, errors, echo or both.
    public var permitICMP: String
    /// What protects the connection on which this was asked; nil from servers that do not say.
    public var security: TransportSecurity?
    /// What becomes of IP fragments: carry or refuse; nil for a server that refuses them without saying so.
    public var fragments: String?

    /// What a server with this configuration says.
    ///
    /// - Parameter resolvers: those that answer clients.
    public init(_ server: PacketTunnelServer, _ configuration: DaemonConfiguration, resolvers: [IPAddress]) {
        dnsResolversIPv4 = resolvers.count { $0.isIPv4 }
        dnsResolversIPv6 = resolvers.count { !$0.isIPv4 }
        mtu = configuration.mtu
        transparentDNSIPv4 = server.addressPool.transparentDNSAddresses.ipv4.description
        transparentDNSIPv6 = server.addressPool.transparentDNSAddresses.ipv6.description
        sessionExpirySeconds = configuration.sessionExpiry.components.seconds
        maxFlows = configuration.maxFlows
        permitICMP = configuration.permittedICMP.rawValue
        fragments = configuration.fragments.rawValue
    }

    /// Why names that are asked for at these addresses will not be resolved; nil if they will, or nothing is known.
    public func missingResolvers(for addresses: [IPAddress]) -> String? {
        let families = [("IPv4", true, dnsResolversIPv4), ("IPv6", false, dnsResolversIPv6)]
        let missing = families.filter { _, isIPv4, count in count == 0 && addresses.contains { $0.isIPv4 == isIPv4 } }
        guard !missing.isEmpty else { return nil }
        let names = missing.map(\.0).joined(separator: " and ")
        return "the server has no resolver for \(names); its administrator can name one with DNSResolver"
    }

    /// The families of `egressFamilies`; nil if the server does not say.
    public var families: [IPVersion]? {
        egressFamilies.map { names in IPVersion.allCases.filter { names.contains($0 == .v4 ? "ipv4" : "ipv6") } }
    }

    /// Reads a server's answer; nil for anything else.
    public init?(json: [UInt8]) {
        guard let decoded = try? JSONDecoder().decode(ServerInformation.self, from: Data(json)) else { return nil }
        self = decoded
    }
}

extension SessionStatus {
    /// Reads a server's answer to `status`: the sessions of the user who asks; nil for anything else.
    public static func list(json: [UInt8]) -> [SessionStatus]? {
        try? JSONDecoder().decode([SessionStatus].self, from: Data(json))
    }
}

/// JSON for a person: sorted, indented, one final newline.
public enum JSONText {
    /// The bytes of a value; an empty object for what cannot be encoded.
    public static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return Array("{}\n".utf8) }
        return Array(data) + [UInt8(ascii: "\n")]
    }
}
