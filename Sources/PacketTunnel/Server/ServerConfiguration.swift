public import IPPacket

/// The defaults of the seed, by name.
public enum TunnelDefaults {
    /// Bytes of the largest packet.
    public static let mtu = 1_500
    /// Bytes of packet memory that may wait for one client.
    public static let downstreamQueueLimitInBytes = 4 << 20
    /// Bytes of packet memory that may wait for the server.
    public static let upstreamQueueLimitInBytes = 4 << 20
    /// How long a session without a client is kept.
    public static let sessionExpiry: Duration = .seconds(300)
    /// How often the metrics of sessions without a client are reported.
    public static let orphanMetricsPeriod: Duration = .seconds(30 * 60)
    /// A flow without packets for so long is over.
    public static let flowIdleExpiry: Duration = .nanoseconds(Int64(FlowTable.idleExpiry))
    /// Flows of one client.
    public static let flowLimit = 8_192
    /// The IPv4 network that addresses are leased from.
    public static let ipv4Pool = IPPrefix(IPAddress(ipv4: 0x0a00_0000), length: 8)
    /// The IPv6 network that addresses are leased from: unique local (RFC 4193), drawn once for this project.
    public static let ipv6Pool = IPPrefix(IPAddress(bits: 0xfd1d_7a6e_52c4 << 80), length: 64)
}

/// How a server behaves. Every member has the default that `TunnelDefaults` names.
public struct ServerConfiguration: Sendable {
    /// Bytes of the largest packet; the device and every client have to agree. 1,280 to 65,535.
    public var mtu = TunnelDefaults.mtu
    /// The IPv4 network that addresses are leased from, /8 to /24.
    public var ipv4Pool = TunnelDefaults.ipv4Pool
    /// The IPv6 network that addresses are leased from, /104 or shorter.
    public var ipv6Pool = TunnelDefaults.ipv6Pool
    /// Bytes of packet memory that may wait for one client. At least 128 KiB, which is one super-packet and its frame.
    public var downstreamQueueLimitInBytes = TunnelDefaults.downstreamQueueLimitInBytes
    /// How long a session without a client is kept, and with it the lease of its addresses.
    public var sessionExpiry = TunnelDefaults.sessionExpiry
    /// Flows of one client.
    public var flowLimit = TunnelDefaults.flowLimit
    /// Where packets may go.
    public var policy = TrafficPolicy()
    /// The resolvers behind the transparent addresses; asked for each new session, on the loop of its client, outside of locks.
    public var dnsResolvers: @Sendable () -> DNSResolvers = { DNSResolvers() }
    /// Makes the kernel forget the connections of leased addresses before they are leased again.
    public var forgetConnections: ConnectionForgetter = { _ in }

    /// All defaults.
    public init() {}

    /// Throws if a device may give larger packets than the clients take.
    func check(_ device: any PacketDevice) throws(ConfigurationError) {
        guard device.mtu <= mtu else {
            throw ConfigurationError(
                setting: "MTU",
                value: "\(mtu)",
                reason: "is less than the \(device.mtu) bytes of the device \(device.name)"
            )
        }
    }

    /// The configuration, checked.
    ///
    /// - Throws: `ConfigurationError` for the first value outside of its limits.
    public func validated() throws(ConfigurationError) -> ServerConfiguration {
        guard (1_280...65_535).contains(mtu) else {
            throw ConfigurationError(setting: "MTU", value: "\(mtu)", reason: "has to be from 1280 to 65535")
        }
        guard downstreamQueueLimitInBytes >= 128 << 10 else {
            throw ConfigurationError(
                setting: "QueueLimit",
                value: "\(downstreamQueueLimitInBytes)",
                reason: "has to be at least 131072 bytes"
            )
        }
        guard flowLimit > 0 else {
            throw ConfigurationError(setting: "MaxFlows", value: "\(flowLimit)", reason: "has to be at least 1")
        }
        guard sessionExpiry > .zero else {
            throw ConfigurationError(
                setting: "SessionExpiry",
                value: "\(sessionExpiry)",
                reason: "has to be longer than 0 seconds"
            )
        }
        _ = try AddressPool(ipv4: ipv4Pool, ipv6: ipv6Pool)
        return self
    }
}
