internal import Glibc
public import IPPacket

/// An nftables table of our own that lets nothing leave this host but through the tunnel and to its servers.
///
/// It stands from the moment it is armed until it is disarmed, whether the process lives or not, and is in no state
/// file: what a killed client leaves has to go on protecting. There is one for each network namespace.
///
/// ARP is not seen by the family `inet` and passes. So do packet sockets, which DHCP clients use.
public struct KillSwitch: Sendable {
    /// What passes.
    public struct Rules: Sendable {
        /// The tun.
        public var interface: String
        /// Where servers listen: TCP to these passes.
        public var servers: [ServerEndpoint]
        /// Names of servers: DNS queries for these pass, to any resolver, by UDP.
        public var names: [String]
        /// Networks beside the tunnel: the local one, and those that are excluded.
        public var networks: [IPPrefix]

        /// Rules for a tunnel.
        public init(interface: String, servers: [ServerEndpoint], names: [String], networks: [IPPrefix]) {
            self.interface = interface
            self.servers = servers
            self.names = names
            self.networks = networks
        }
    }

    static let table = "packet_tunnel_kill_switch"
    private let runner: CommandRunner

    /// A switch that is not touched yet.
    public init(_ options: NetworkSetupOptions) {
        runner = options.runner
    }

    /// Whether it stands. False, too, where this process may not ask.
    public var isArmed: Bool {
        get async {
            guard CommandRunner.isInstalled("nft") else { return false }
            return (try? await runner.output(of: ["nft", "list", "table", "inet", Self.table])) != nil
        }
    }

    /// Puts it up, or other rules into the place of those that are there, in one transaction.
    ///
    /// - Throws: `NetworkSetupError`; what was there before stands then.
    public func arm(_ rules: Rules) async throws(NetworkSetupError) {
        try await load(FirewallTable.replacement(name: Self.table, rules: rules.text))
    }

    /// Lets TCP to one more server pass.
    public func admit(_ server: ServerEndpoint) async throws(NetworkSetupError) {
        let set = server.address.isIPv4 ? "servers4" : "servers6"
        try await load("add element inet \(Self.table) \(set) { \(server.address) . \(server.port) }\n")
    }

    /// Takes it down, whether it stands or not.
    public func disarm() async throws(NetworkSetupError) {
        guard CommandRunner.isInstalled("nft") else { return }
        try await load(FirewallTable.removal(name: Self.table))
    }

    private func load(_ script: String) async throws(NetworkSetupError) {
        try await runner.run(["nft", "-f", "-"], input: script, within: .seconds(20))
    }
}

extension KillSwitch.Rules {
    /// What stands between the braces of the table.
    ///
    /// What does not pass is refused, not dropped: programs see it at once. The refusals go to this host itself.
    var text: String {
        """
            set servers4 { type ipv4_addr . inet_service; \(elements(\.isIPv4)) }
            set servers6 { type ipv6_addr . inet_service; \(elements { !$0.isIPv4 }) }
            chain output {
                type filter hook output priority filter; policy drop;
                oifname { "lo", "\(interface)" } accept
                meta l4proto tcp ip daddr . tcp dport @servers4 accept
                meta l4proto tcp ip6 daddr . tcp dport @servers6 accept
                meta mark \(RoutingPolicy.mark) tcp dport 53 accept
                udp sport 68 udp dport 67 accept
                ip6 daddr { fe80::/10, ff02::/16 } udp sport 546 udp dport 547 accept
                icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
                icmpv6 type mld2-listener-report ip6 hoplimit 1 accept
        \(lines(Set(names).sorted().compactMap(Self.query)))
        \(lines(networkRules))
                meta l4proto tcp reject with tcp reset
                reject with icmpx type admin-prohibited
            }
            chain forward {
                type filter hook forward priority filter; policy drop;
                oifname "\(interface)" accept
                iifname "\(interface)" accept
        \(lines(networkRules))
            }
        """
    }

    private var networkRules: [String] {
        networks.map { "\($0.network.isIPv4 ? "ip" : "ip6") daddr \($0) accept" }
    }

    private func elements(_ isWanted: (IPAddress) -> Bool) -> String {
        let found = Set(servers.filter { isWanted($0.address) }.map { "\($0.address) . \($0.port)" }).sorted()
        return found.isEmpty ? "" : "elements = { \(found.joined(separator: ", ")) };"
    }

    private func lines(_ rules: [String]) -> String { rules.map { "        " + $0 }.joined(separator: "\n") }

    /// A rule that lets a query for one name pass; nil for an address, or what is no name.
    ///
    /// The question stands behind the UDP header and DNS's 12 bytes (RFC 1035 §4.1): labels with their lengths, then 0. A
    /// name of one word is completed by search domains, so its end is left open.
    static func query(for name: String) -> String? {
        let labels = name.lowercased().split(separator: ".").map { Array($0.utf8) }
        guard IPAddress(name) == nil, !labels.isEmpty, name.utf8.count <= 253,
            labels.allSatisfy({ (1...63).contains($0.count) })
        else { return nil }
        var bytes: [UInt8] = []
        for label in labels { bytes += [UInt8(label.count)] + label }
        if labels.count > 1 { bytes.append(0) }
        let parts = stride(from: 0, to: bytes.count, by: 16).map { start -> String in
            let part = bytes[start..<min(start + 16, bytes.count)]
            let digits = part.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return "@th,\(160 + start * 8),\(part.count * 8) 0x\(digits)"
        }
        return "meta l4proto udp udp dport 53 " + parts.joined(separator: " ") + " accept"
    }
}
