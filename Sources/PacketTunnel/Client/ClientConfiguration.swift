public import IPPacket

/// How a client behaves. Every member has a default.
public struct ClientConfiguration: Sendable {
    /// Bytes of the largest packet; has to be the server's. 1,280 to 65,535, or 0 for the default.
    public var mtu = TunnelDefaults.mtu
    /// Bytes of packet memory that may wait for the server; 0 for the default. Limits as for
    /// `ServerConfiguration.downstreamQueueLimitInBytes`.
    public var upstreamQueueLimitInBytes = TunnelDefaults.upstreamQueueLimitInBytes
    /// This side's addresses in the tunnel: packets from others are not sent, and packets for others are refused. Empty: the
    /// first of each family that packets were sent from, as the server learns it.
    public var addresses: [IPAddress] = []
    /// Where packets may go. The server's own rules are stricter; this spares what no server would route.
    public var policy = TrafficPolicy(deniedNetworks: TrafficPolicy.neverRouted)
    /// Resolver addresses that programs on this host use, of both families: queries to them are sent to the server's
    /// transparent resolver, and the answers seem to come from here.
    public var localDNSAddresses = DNSResolvers()
    /// The server's transparent resolver, one address of each family.
    public var transparentDNSAddresses = DNSResolvers()

    /// All defaults.
    public init() {}

    /// The configuration, checked, with the defaults in the place of zeros.
    ///
    /// - Throws: `ConfigurationError` for the first value outside of its limits.
    public func validated() throws(ConfigurationError) -> ClientConfiguration {
        var checked = self
        checked.mtu = try ConfigurationCheck.mtu(mtu)
        checked.upstreamQueueLimitInBytes = try ConfigurationCheck.queueLimit(
            upstreamQueueLimitInBytes,
            default: TunnelDefaults.upstreamQueueLimitInBytes,
            mtu: checked.mtu
        )
        return checked
    }
}
