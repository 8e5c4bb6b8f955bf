import IPPacket
import PacketTunnel
import Testing

@testable import LinuxNetwork

@Suite("Pool choice")
struct PoolChoiceTests {
    private func choice(_ preferred: IPPrefix, with used: [String]) throws -> String {
        var claims = HostClaims()
        claims.claims = used.map { HostClaims.Claim(network: prefix($0), description: $0) }
        return "\(try PoolChoice.choose(preferred, among: claims))"
    }

    @Test(
        "takes the first range of which the host uses nothing, and parts of ranges last",
        arguments: [
            ([], "10.0.0.0/8"),
            (["192.168.1.0/24", "fd00::/8"], "10.0.0.0/8"),
            (["10.255.255.254/32"], "100.64.0.0/10"),
            (["10.0.0.0/16", "100.100.0.0/16"], "172.16.0.0/12"),
            (["10.0.0.0/16", "100.100.0.0/16", "172.17.0.0/16"], "192.168.0.0/16"),
            (["10.0.0.0/16", "100.100.0.0/16", "172.17.0.0/16", "192.168.1.0/24"], "198.18.0.0/15"),
            (["10.0.0.0/16", "100.64.0.0/10", "172.17.0.0/16", "192.168.1.0/24", "198.18.0.0/15"], "10.128.0.0/9"),
            (["10.0.0.0/8", "100.64.0.0/10", "172.17.0.0/16", "192.168.0.0/16", "198.18.0.0/15"], "172.24.0.0/13"),
        ]
    )
    func ranges(used: [String], expected: String) throws {
        #expect(try choice(TunnelDefaults.ipv4Pool, with: used) == expected)
    }

    @Test("takes another unique local network where its own is used, but not that of the clients' default address")
    func ipv6() throws {
        #expect(try choice(TunnelDefaults.ipv6Pool, with: ["10.0.0.0/8"]) == "fd1d:7a6e:52c4::/64")
        #expect(try choice(TunnelDefaults.ipv6Pool, with: ["fd1d:7a6e:52c4::1/128"]) == "fd1d:7a6e:52c4:2::/64")
    }

    @Test("says so when nothing is free", arguments: [TunnelDefaults.ipv4Pool, TunnelDefaults.ipv6Pool])
    func nothing(preferred: IPPrefix) {
        let all = ["8.0.0.0/5", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "fd00::/8"]
        #expect(throws: NetworkSetupError.self) { try choice(preferred, with: all) }
    }

    @Test(
        "an explicit pool is refused with the name of what it contains",
        arguments: ["resolver 10.2.0.2", "gateway 10.2.0.1", "address 10.2.0.7/24", "route 10.2.0.0/24 dev eth0"]
    )
    func check(claim: String) {
        var claims = HostClaims()
        claims.claims = [HostClaims.Claim(network: prefix("10.2.0.0/24"), description: claim)]
        let error = #expect(throws: NetworkSetupError.self) { try claims.check(prefix("10.0.0.0/8"), "AddressPool") }
        #expect(error?.kind == .poolClash)
        #expect(error?.reason == "AddressPool 10.0.0.0/8 clashes with the host's \(claim)")
    }
}

@Suite(
    "Host claims",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct HostClaimsTests {
    @Test("finds routes, addresses and gateways of the host in a pool, and no default routes")
    func claims() async throws {
        let namespace = try NetworkNamespace()
        try await namespace.run {
            try shell(
                """
                set -e
                ip link set lo up
                ip link add one type veth peer far
                ip link set far up
                ip link set one up
                ip addr add 192.0.2.1/24 dev one
                ip route add 0.0.0.0/1 dev one
                ip route add default via 10.9.8.7 dev one onlink
                ip addr add 172.20.0.1/32 dev one
                ip -6 addr add fd70::1/128 dev one nodad
                """
            )
            var claims = try HostClaims.now()
            #expect(claims.clash(with: prefix("10.0.0.0/8"))?.description == "gateway 10.9.8.7")
            #expect(claims.clash(with: prefix("172.16.0.0/12"))?.description == "address 172.20.0.1/32")
            #expect(claims.clash(with: prefix("fd70::/64")) != nil)
            #expect(claims.clash(with: prefix("fd71::/64")) == nil)
            #expect(claims.clash(with: prefix("100.64.0.0/10")) == nil)
            claims.add([address("100.64.1.1")], "resolver")
            #expect(claims.clash(with: prefix("100.64.0.0/10"))?.description == "resolver 100.64.1.1")
        }
    }

    @Test("networks without a router are on the link, default routes and routes behind one are not")
    func onLink() async throws {
        let namespace = try NetworkNamespace()
        try await namespace.run {
            try shell(
                """
                set -e
                ip link add one type veth peer tun
                for link in one tun; do
                    echo 1 >/proc/sys/net/ipv6/conf/$link/addr_gen_mode
                    ip link set $link up
                done
                ip addr add 198.51.100.1/24 dev one
                ip addr add 203.0.113.7/25 dev one noprefixroute
                ip addr add 10.0.0.1/8 dev tun
                ip -6 addr add 2001:db8:5::1/64 dev one nodad
                ip route add default dev one
                ip route add 0.0.0.0/1 dev one
                ip route add 192.0.2.0/24 via 198.51.100.2
                ip route add 198.18.0.0/15 via inet6 2001:db8:5::9 dev one
                ip route add 198.51.100.128/25 dev one table 77
                ip -6 route add 2001:db8:6::/48 dev one metric 5
                ip -6 route add default dev one
                ip -6 route add 2001:db8:7::/48 via 2001:db8:5::9
                """
            )
            let tun = try #require(try HostNetwork.routes(.v4).first { $0.interfaceName == "tun" }?.interfaceIndex)
            let networks = try HostNetwork.onLinkNetworks(ignoring: tun).map(\.description)
            #expect(networks == ["198.51.100.0/24", "203.0.113.0/25", "2001:db8:6::/48", "2001:db8:5::/64"])
        }
    }
}
