public import IPPacket

/// The defaults: those of the original packet tunnel, but for its two queues, which are larger here.
///
/// The original holds 524,288 bytes of packets for each client and 32,768 for the server. Both are accepted, and 0 means
/// the default, as there. Ours count the memory behind the packets: 2 KiB for each that is smaller, 64 KiB for a super-packet
/// of more than 8 KiB, of which the original's queue for the server would hold none. They need not be small for the sake
/// of delay, as there: FlowQueue-CoDel (RFC 8290) begins to drop what waits for longer than 5 ms, whatever the limit. The
/// price is memory, taken only as packets wait: up to 4 MiB for each client that reads more slowly than packets come for it.
public enum TunnelDefaults {
    /// Bytes of the largest packet.
    public static let mtu = 1_500
    /// MTUs that a tunnel may have: from IPv6's minimum (RFC 8200 §5) on.
    public static let mtuRange = 1_280...PacketSummary.greatestLength
    /// Bytes of packet memory that may wait for one client: eight times as much as in the original.
    public static let downstreamQueueLimitInBytes = 4 << 20
    /// Bytes of packet memory that may wait for the server: 128 times as much as in the original.
    public static let upstreamQueueLimitInBytes = 4 << 20
    /// How long a session without a client is kept.
    public static let sessionExpiry: Duration = .seconds(300)
    /// How often the metrics of packets without a session, and of sessions that are not left, are reported.
    public static let orphanMetricsPeriod: Duration = .seconds(30 * 60)
    /// A flow without packets for so long is over.
    public static let flowIdleExpiry: Duration = .nanoseconds(Int64(FlowTable.idleExpiry))
    /// Flows of one client.
    public static let flowLimit = 8_192
    /// The IPv4 network that addresses are leased from.
    public static let ipv4Pool = IPPrefix(IPAddress(ipv4: 0x0a00_0000), length: 8)
    /// The IPv6 network that addresses are leased from: unique local (RFC 4193), drawn once for this project.
    public static let ipv6Pool = IPPrefix(IPAddress(bits: 0xfd1d_7a6e_52c4 << 80), length: 64)

    /// `value`, or the default MTU for 0.
    public static func mtu(_ value: Int) -> Int { value == 0 ? mtu : value }
}

/// What the configurations of server and client have in common.
enum ConfigurationCheck {
    /// The MTU, with the default for 0.
    static func mtu(_ value: Int) throws(ConfigurationError) -> Int {
        let mtu = TunnelDefaults.mtu(value)
        let range = TunnelDefaults.mtuRange
        guard range.contains(mtu) else {
            throw ConfigurationError(
                setting: "MTU",
                value: "\(value)",
                reason: "has to be from \(range.lowerBound) to \(range.upperBound), or 0 for the default"
            )
        }
        return mtu
    }

    /// A queue's limit, with the default for 0. A queue that cannot hold one packet would hold none.
    static func queueLimit(_ value: Int, default standard: Int, mtu: Int) throws(ConfigurationError) -> Int {
        let limit = value == 0 ? standard : value
        let least = PacketBufferPool.footprint(for: mtu)
        guard limit >= least else {
            throw ConfigurationError(
                setting: "QueueLimit",
                value: "\(value)",
                reason: "has to be at least \(least) bytes, the memory of one packet, or 0 for the default"
            )
        }
        return limit
    }
}
