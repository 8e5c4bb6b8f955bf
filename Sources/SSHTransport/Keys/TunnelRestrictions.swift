public import IPPacket

/// What one line of an `authorized_keys` file lets its key do with a tunnel.
///
/// From sshd's own options:
///
/// | option | effect |
/// | --- | --- |
/// | `restrict`, `no-port-forwarding` | no tunnel, unless `port-forwarding` follows |
/// | `tunnel="N"` | the tunnel is unit N, whatever the client asks for |
/// | `from="PATTERNS"` | only from matching addresses |
/// | `expiry-time="TIME"` | not after that time |
///
/// Options about shells and other forwardings are understood and change nothing: `command=`, `environment=`,
/// `permitopen=`, `permitlisten=`, `no-pty` and the like.
///
/// Our own: `permit-ports=`, `deny-networks=`, `deny-domains=`, `rate=`, `sessions=`. A stock sshd refuses a line that
/// has options it does not know, so a file that sshd reads as well says them inside an environment variable, separated
/// by blanks; sshd passes the variable to nobody unless `PermitUserEnvironment` is on, and it is harmless then:
///
///     environment="PACKET_TUNNEL_OPTIONS=permit-ports=80,443 rate=10M" ssh-ed25519 AAAA… alice
public struct TunnelRestrictions: Sendable, Equatable {
    /// False if the key may log in but may not open a tunnel.
    public var permitsTunnel = true
    /// The only unit that the key's tunnel may be; nil: the client chooses. 0 to 0x7ffffffd.
    public var tunnelUnit: UInt32?
    /// The patterns of `from=`; empty: any address may come. `!` in front negates.
    public var sourcePatterns: [String] = []
    /// The last second in which the key may log in, since 1970 in UTC; nil: no end.
    public var expiry: Int64?
    /// The destination ports that TCP and UDP may go to; nil: what the server allows. Never widens the server's rules.
    public var permittedPorts: [ClosedRange<UInt16>]?
    /// Networks that packets may not go to, besides the server's own list.
    public var deniedNetworks: [IPPrefix] = []
    /// Names that may not be asked for, with all names below them; lower case, without a dot at either end.
    public var deniedDomains: [String] = []
    /// The most bytes per second in each direction; nil: what the server allows.
    public var rateBytesPerSecond: UInt64?
    /// The most sessions that the key may have at a time; nil: what the server allows.
    public var maximumSessions: Int?

    /// No restriction at all.
    public init() {}

    /// True if `from=` lets `address` in; false for text that is no address, once there are patterns.
    public func permitsSource(_ address: String) -> Bool {
        sourcePatterns.isEmpty || AuthorizedKeysSource.matches(address, patterns: sourcePatterns)
    }
}
