public import IPPacket

/// How a server behaves. Every member has the default that `TunnelDefaults` names.
public struct ServerConfiguration: Sendable {
    /// Bytes of the largest packet; the device and every client have to agree. 1,280 to 65,535, or 0 for the default.
    public var mtu = TunnelDefaults.mtu
    /// The IPv4 network that addresses are leased from, /8 to /24.
    public var ipv4Pool = TunnelDefaults.ipv4Pool
    /// The IPv6 network that addresses are leased from, /104 or shorter.
    public var ipv6Pool = TunnelDefaults.ipv6Pool
    /// Bytes of packet memory that may wait for one client; 0 for the default. At least the memory of one packet: 2,092
    /// bytes for MTUs up to 2,032, 8,236 for those up to 8,176, and 65,612 above. Where super-packets are carried, 131,072
    /// bytes are held in any case: one super-packet and its frame.
    public var downstreamQueueLimitInBytes = TunnelDefaults.downstreamQueueLimitInBytes
    /// How long a session without a client is kept, and with it the lease of its addresses; 0 for the default.
    public var sessionExpiry = TunnelDefaults.sessionExpiry
    /// Flows of one client, at least 1.
    public var flowLimit = TunnelDefaults.flowLimit
    /// Where packets may go.
    public var policy = TrafficPolicy()
    /// The resolvers behind the transparent addresses. Asked for each new session, in `clientConnected`, on the loop of its
    /// client: a slow one holds up every client of that loop, and no other. Outside of locks: it may ask the server.
    public var dnsResolvers: @Sendable () -> DNSResolvers = { DNSResolvers() }
    /// Makes the kernel forget the connections of leased addresses before they are leased again. In a task, never on a loop;
    /// while it waits, the addresses of the sessions that have ended are not leased, and nothing else is held up.
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

    /// The configuration, checked, with the defaults in the place of zeros.
    ///
    /// - Throws: `ConfigurationError` for the first value outside of its limits.
    public func validated() throws(ConfigurationError) -> ServerConfiguration {
        var checked = self
        checked.mtu = try ConfigurationCheck.mtu(mtu)
        checked.downstreamQueueLimitInBytes = try ConfigurationCheck.queueLimit(
            downstreamQueueLimitInBytes,
            default: TunnelDefaults.downstreamQueueLimitInBytes,
            mtu: checked.mtu
        )
        guard flowLimit > 0 else {
            throw ConfigurationError(setting: "MaxFlows", value: "\(flowLimit)", reason: "has to be at least 1")
        }
        guard sessionExpiry >= .zero else {
            throw ConfigurationError(
                setting: "SessionExpiry",
                value: "\(sessionExpiry)",
                reason: "has to be longer than 0 seconds, or 0 for the default"
            )
        }
        if sessionExpiry == .zero { checked.sessionExpiry = TunnelDefaults.sessionExpiry }
        _ = try AddressPool(ipv4: ipv4Pool, ipv6: ipv6Pool)
        return checked
    }
}
