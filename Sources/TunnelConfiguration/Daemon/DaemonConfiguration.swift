public import IPPacket
public import OpenSSHSyntax
internal import PacketTunnel

/// Everything that `packet-tunneld` can be told, each with the value it has when nobody says anything.
///
/// A plain value: whoever embeds the daemon's parts may fill it in code and call `validated()`; `load` reads it from a
/// file in sshd_config style. It knows nothing of SSH libraries and devices; who wires the daemon translates it.
public struct DaemonConfiguration: Hashable, Sendable {
    /// Where the packages of most systems and the files in `ssh-config/` put the configuration.
    public static let defaultFile = "/etc/packet-tunnel/packet-tunneld.conf"

    // MARK: SSH

    /// Addresses to listen on. Empty: every address of the host, both families. `endpoints` joins them with `ports`.
    public var listenAddresses: [ListenAddress] = []
    /// Ports for the addresses that name none. Not 22: that one is the stock sshd's.
    public var ports: [UInt16] = [2222]
    /// Private key files; one that is missing is made at the first start.
    public var hostKeyFiles = ["/etc/packet-tunnel/ssh_host_ed25519_key"]
    /// Files with a user's public keys; all of them count. By default not those that let people log in to the host:
    /// a tunnel is granted, not implied.
    public var authorizedKeysFiles = [KeyFilePattern(verbatim: "/etc/packet-tunnel/authorized_keys/%u")]
    /// Refuses key files that others than root and the user could change.
    public var strictModes = true
    /// Users who may connect. Empty: all. `admits` applies it.
    public var allowedUsers: [UserPattern] = []
    /// Users who may not connect; stronger than `allowedUsers`.
    public var deniedUsers: [UserPattern] = []
    /// Time for a connection to authenticate: 1 second to 1 hour.
    public var loginGraceTime: Duration = .seconds(120)
    /// Failed authentications after which a connection is closed: 1 to 100.
    public var maxAuthenticationTries = 6
    /// Connections that may be unauthenticated at once.
    public var maxStartups = MaxStartups(begin: 10, rate: 30, full: 100)
    /// Connections from one address that may be unauthenticated at once, so that one peer that stalls cannot take every
    /// place; nil for no such limit.
    public var perSourceMaxStartups: Int? = 20
    /// What counts as one source of connections.
    public var perSourceNetBlockSize = NetBlockSize()
    /// What a source is refused for; nil for nothing.
    public var perSourcePenalties: SourcePenalties? = SourcePenalties()
    /// Networks without penalties.
    public var penaltyExemptions: [IPPrefix] = []
    /// Silence after which the client is asked whether it is still there; zero for never.
    public var clientAliveInterval: Duration = .seconds(30)
    /// Questions without answer after which the client counts as gone; 0 for never.
    public var clientAliveCountMax = 3
    /// Whether clients may have their connection compressed.
    public var permitsCompression = false
    /// How the congestion control of clients' connections is chosen.
    public var congestionControl = CongestionControl.auto
    /// When session keys are renewed.
    public var rekeyLimit = RekeyLimit()
    /// Ciphers in order of preference. The first is the fastest measured.
    public var ciphers = AlgorithmKind.cipher.defaults
    /// Message authentication codes in order of preference; ciphers that authenticate by themselves need none.
    public var macs = AlgorithmKind.mac.defaults
    /// Key exchange methods in order of preference.
    public var keyExchanges = AlgorithmKind.keyExchange.defaults

    // MARK: Addresses and the device

    /// Clients' IPv4 addresses: /8 to /24; nil for `TunnelDefaults.ipv4Pool`, or another range if the host uses some of it.
    public var addressPool: IPPrefix?
    /// Clients' IPv6 addresses: /104 or shorter, so that it has 24 bits for a session's index. Nil for `TunnelDefaults.ipv6Pool`,
    /// or another one if the host uses some of it.
    public var addressPool6: IPPrefix?
    /// The interface through which clients' traffic leaves; nil for that of the default route.
    public var egressInterface: String?
    /// The name of the tun device.
    public var tunDevice = "ptun0"
    /// The largest packet in bytes: 1280, IPv6's minimum (RFC 8200 §5), to 65535.
    public var mtu = TunnelDefaults.mtu
    /// Event loops, each with a thread and a queue of the tun device: 1 to 256; nil for one per processor.
    public var loops: Int?
    /// Network commands run through `sudo`, for a daemon that is neither root nor has CAP_NET_ADMIN.
    public var usesSudo = false
    /// Goes on without IPv6 when the host cannot set it up.
    public var allowsNoIPv6 = false

    // MARK: Sessions and traffic

    /// Time that a session without connection keeps its addresses: 1 second to 30 days.
    public var sessionExpiry = TunnelDefaults.sessionExpiry
    /// Resolvers that answer clients at the transparent DNS addresses. Empty: those of the host, see `SystemResolvers`.
    public var dnsResolvers: [IPAddress] = []
    /// Networks that clients must not reach. The default list includes those on the host's own links.
    public var deniedNetworks: DeniedNetworks = .default(plus: [])
    /// Networks that clients may reach although `deniedNetworks` has them.
    public var permittedNetworks = PermittedNetworks([])
    /// Domains that are not resolved for clients.
    public var deniedDomains: [DomainName] = []
    /// Queries and answers of resolvers are counted and timed.
    public var tracksDNSFlows = false
    /// TCP destination ports that clients may reach.
    public var permittedTCPPorts = PortSet.any
    /// UDP destination ports that clients may reach.
    public var permittedUDPPorts = PortSet.any
    /// ICMP messages that pass. Errors belong to TCP and UDP: without them path MTU discovery fails, and an unreachable host
    /// is waited for.
    public var permittedICMP: PermittedICMP = .errors
    /// What the sender of a refused packet is told.
    public var refusals: RefusalChoice = .reject
    /// What becomes of IP fragments.
    public var fragments: FragmentChoice = .carry
    /// Flows that one session may have at once: 16 to 1048576.
    public var maxFlows = TunnelDefaults.flowLimit
    /// Flows that all tunnels of one key may have together: 64 to 16777216.
    public var maxFlowsPerKey = 4 * TunnelDefaults.flowLimit
    /// Bytes that may wait for one client: 128 KiB, which holds a whole super-packet, to 1 GiB.
    public var queueLimitInBytes = UInt64(TunnelDefaults.downstreamQueueLimitInBytes)

    // MARK: The daemon itself

    /// The directory for what lasts only while the daemon runs.
    public var stateDirectory = "/run/packet-tunnel"
    /// The control socket: absolute, or relative to `stateDirectory`; nil for none. `controlSocketPath` joins them.
    public var controlSocket: String? = "control.sock"
    /// The file that the process number is written to; nil for none.
    public var pidFile: String?
    /// How much is logged.
    public var logLevel: LogLevel = .info
    /// The form of log lines.
    public var logFormat: LogFormat = .text

    /// The defaults.
    public init() {}
}

extension DaemonConfiguration {
    /// Each address with each port to listen on, in order. All zeros stand for every address of their family.
    public var endpoints: [(address: IPAddress, port: UInt16)] {
        let wildcards = [ListenAddress(IPAddress(ipv4: 0)), ListenAddress(IPAddress(bits: 0))]
        return (listenAddresses.isEmpty ? wildcards : listenAddresses).flatMap { listen in
            (listen.port.map { [$0] } ?? ports).map { (listen.address, $0) }
        }
    }

    /// The absolute path of the control socket; nil for none.
    public var controlSocketPath: String? {
        controlSocket.map { $0.begins(with: "/") ? $0 : "\(stateDirectory)/\($0)" }
    }

    /// True if a user may connect from an address: not denied, and allowed if only some are.
    public func admits(user: String, from address: IPAddress) -> Bool { refusal(of: user, from: address) == nil }

    /// Which keyword keeps a user from connecting from an address, as a clause for the log; nil if none does.
    public func refusal(of user: String, from address: IPAddress) -> String? {
        if let pattern = deniedUsers.first(where: { $0.matches(user: user, from: address) }) {
            return "DenyUsers \(pattern) denies this user"
        }
        if allowedUsers.isEmpty || allowedUsers.contains(where: { $0.matches(user: user, from: address) }) {
            return nil
        }
        guard allowedUsers.contains(where: { $0.matches(user: user) }) else {
            return "AllowUsers does not name this user"
        }
        return "AllowUsers does not admit this user from this address"
    }
}
