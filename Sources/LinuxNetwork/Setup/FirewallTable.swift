internal import IPPacket

/// The nftables table of one server interface: what leaves through the egress interface is masqueraded, and nothing
/// else gets through, in either direction.
///
/// A table of our own neither sees nor touches the host's rules; but a packet that another table drops stays dropped.
struct FirewallTable {
    /// The tun.
    var interface: String
    /// The addresses of sessions, and the interface through which each family leaves.
    var pools: [(prefix: IPPrefix, egress: String)]
    /// Resolvers that clients may ask even if they run on this host. Nothing else of the host can be reached.
    var resolvers: [IPAddress]

    /// The table's name, in the characters that nft takes everywhere.
    var name: String { Self.name(for: interface) }

    static func name(for interface: String) -> String {
        "packet_tunnel_" + String(interface.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    /// What stands between the braces of the table.
    var rules: String {
        """
            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
        \(lines(pools.map { "oifname \"\($0.egress)\" \(source($0.prefix)) masquerade" }))
            }
            chain forward {
                type filter hook forward priority filter; policy accept;
        \(lines(pools.map { "iifname \"\(interface)\" oifname \"\($0.egress)\" \(source($0.prefix)) accept" }))
                iifname "\(interface)" drop
        \(lines(pools.map { "iifname \"\($0.egress)\" oifname \"\(interface)\" \(answer($0.prefix)) accept" }))
                oifname "\(interface)" drop
            }
            chain input {
                type filter hook input priority filter; policy accept;
        \(lines(resolvers.map { "iifname \"\(interface)\" \(resolver($0)) accept" }))
                iifname "\(interface)" drop
            }
        """
    }

    private func lines(_ rules: [String]) -> String {
        rules.map { "        " + $0 }.joined(separator: "\n")
    }

    private func word(_ address: IPAddress) -> String { address.isIPv4 ? "ip" : "ip6" }

    private func source(_ pool: IPPrefix) -> String { "\(word(pool.network)) saddr \(pool)" }

    private func answer(_ pool: IPPrefix) -> String {
        "\(word(pool.network)) daddr \(pool) ct state established,related"
    }

    private func resolver(_ address: IPAddress) -> String {
        "\(word(address)) daddr \(address) meta l4proto { tcp, udp } th dport 53"
    }

    /// A script that makes the table, or replaces it, in one transaction.
    static func replacement(name: String, rules: String) -> String {
        removal(name: name) + "table inet \(name) {\n\(rules)\n}\n"
    }

    /// A script that removes the table, whether it exists or not: making it first is the way to say so that every
    /// version of nft understands.
    static func removal(name: String) -> String {
        "table inet \(name)\ndelete table inet \(name)\n"
    }
}
