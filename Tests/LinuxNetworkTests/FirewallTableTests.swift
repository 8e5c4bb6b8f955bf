import IPPacket
import Testing

@testable import LinuxNetwork

@Suite("Firewall table")
struct FirewallTableTests {
    @Test("lets each family out through its own egress interface, and the resolvers be asked")
    func rules() {
        let table = FirewallTable(
            interface: "ptun-1.2",
            pools: [(prefix("10.0.0.0/8"), "eth0"), (prefix("fd00::/104"), "sit1")],
            resolvers: [address("192.0.2.53"), address("2001:db8::53")]
        )
        #expect(table.name == "packet_tunnel_ptun_1_2")
        #expect(
            FirewallTable.replacement(name: "t", rules: table.rules) == """
                table inet t
                delete table inet t
                table inet t {
                    chain postrouting {
                        type nat hook postrouting priority srcnat; policy accept;
                        oifname "eth0" ip saddr 10.0.0.0/8 masquerade
                        oifname "sit1" ip6 saddr fd00::/104 masquerade
                    }
                    chain forward {
                        type filter hook forward priority filter; policy accept;
                        iifname "ptun-1.2" oifname "eth0" ip saddr 10.0.0.0/8 accept
                        iifname "ptun-1.2" oifname "sit1" ip6 saddr fd00::/104 accept
                        iifname "ptun-1.2" drop
                        iifname "eth0" oifname "ptun-1.2" ip daddr 10.0.0.0/8 ct state established,related accept
                        iifname "sit1" oifname "ptun-1.2" ip6 daddr fd00::/104 ct state established,related accept
                        oifname "ptun-1.2" drop
                    }
                    chain input {
                        type filter hook input priority filter; policy accept;
                        iifname "ptun-1.2" ip daddr 192.0.2.53 meta l4proto { tcp, udp } th dport 53 accept
                        iifname "ptun-1.2" ip6 daddr 2001:db8::53 meta l4proto { tcp, udp } th dport 53 accept
                        iifname "ptun-1.2" drop
                    }
                }

                """
        )
    }
}
