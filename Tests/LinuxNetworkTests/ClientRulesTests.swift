import EventLoops
import Foundation
import Glibc
import IPPacket
import PacketTunnel
import Testing

@testable import LinuxNetwork

@Suite(
    "Routing rules of a client",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct ClientRulesTests {
    private static let port: UInt16 = 2222
    private static let outside = ["8.8.8.8", "198.51.100.1", "2606:4700::1", "2001:db8:5::1"]

    private func full(_ servers: [ServerEndpoint] = []) -> ClientNetwork {
        ClientNetwork(
            addresses: [
                InterfaceAddress(address("10.200.0.2"), prefixLength: 24),
                InterfaceAddress(address("fd77::2"), prefixLength: 64),
            ],
            routes: [prefix("0.0.0.0/0"), prefix("::/0"), prefix("192.0.2.53/32")],
            servers: servers
        )
    }

    private func server(_ version: IPVersion) -> ServerEndpoint {
        ServerEndpoint(address(version == .v4 ? "203.0.113.22" : "2001:db8:99::22"), port: Self.port)
    }

    private func way(to text: String) throws -> String? { try HostNetwork.route(to: address(text))?.interfaceName }

    private func way(to server: ServerEndpoint) throws -> String? {
        try HostNetwork.route(to: server.address, tcpPort: server.port)?.interfaceName
    }

    /// Runs `body` with the setup of a full tunnel, and expects that nothing is left of it.
    private func withTunnel(
        usesSudo: Bool = false,
        _ change: @escaping @Sendable (inout ClientNetwork) -> Void = { _ in },
        _ body: @escaping @Sendable (InterfaceSetup, ServerLab) async throws -> Void
    ) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            let device = try lab.openDevice()
            var network = full(IPVersion.allCases.map(server))
            change(&network)
            var options = lab.options
            options.usesSudo = usesSudo
            let setup = try await InterfaceSetup.client(network, device: device, options: options)
            try await body(setup, lab)
            await setup.undo()
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            try expectUnchanged(since: before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.path) == [])
        }
    }

    @Test("lead everything into the tunnel but TCP to the server's port", arguments: [false, true])
    func leadsEverything(usesSudo: Bool) async throws {
        try await withTunnel(usesSudo: usesSudo) { _, _ in
            for destination in Self.outside { #expect(try way(to: destination) == "ptun0") }
            for version in IPVersion.allCases {
                #expect(try way(to: server(version)) == "egress")
                #expect(try way(to: ServerEndpoint(server(version).address, port: 80)) == "ptun0")
            }
            #expect(try way(to: "192.0.2.2") == "egress", "the host's own link")
            #expect(try way(to: "192.0.2.53") == "ptun0", "a resolver on that link that is the tunnel's")
            let table = try shell("ip route show table main; ip -6 route show table main").split(separator: "\n")
            #expect(table.allSatisfy { !$0.contains("ptun0") || $0.contains("proto kernel") })
        }
    }

    @Test(
        "never lead to the server through the tunnel, whatever becomes of the default route",
        arguments: IPVersion.allCases
    )
    func survivesChanges(version: IPVersion) async throws {
        try await withTunnel { setup, lab in
            let ip = version == .v4 ? "ip -4" : "ip -6"
            let prefix = version == .v4 ? "198.51.100.9/24" : "2001:db8:55::9/64"
            let gateway = version == .v4 ? "198.51.100.1" : "2001:db8:55::1"
            try shell("\(ip) route del default")
            #expect(try way(to: server(version)) == nil)
            #expect(try way(to: Self.outside[version == .v4 ? 0 : 2]) == "ptun0")
            try shell("ip addr add \(prefix) dev other \(version == .v4 ? "" : "nodad")")
            await eventually {
                (try? HostNetwork.route(to: address(String(prefix.prefix { $0 != "/" }))))??.kind == .local
            }
            try shell("\(ip) route add default via \(gateway) dev other")
            #expect(try way(to: server(version)) == "other")
            // The old server's rules go, those of a new one come.
            let next = ServerEndpoint(address(version == .v4 ? "203.0.113.99" : "2001:db8:99::99"), port: 22)
            #expect(try way(to: next) == "ptun0")
            try await setup.admit(next)
            #expect(try way(to: next) == "other")
            try await setup.retain([next])
            #expect(try way(to: server(version)) == "ptun0")
            // Answers to whoever came in by the new address.
            try await setup.networkDidChange()
            let own = prefix.prefix { $0 != "/" }
            let answer = try shell("\(ip) route get \(Self.outside[version == .v4 ? 0 : 2]) from \(own)")
            #expect(answer.contains("dev other"))
            try shell(
                """
                \(ip) route del default
                ip addr del \(prefix) dev other
                \(ip) route add default via \(lab.outside(version)) dev egress
                """
            )
        }
    }

    @Test("leave to DHCP no way past the tunnel, unless the local network is allowed", arguments: [false, true])
    func distrustsClasslessRoutes(isAllowed: Bool) async throws {
        try await withTunnel({ $0.allowsLocalNetwork = isAllowed }) { setup, _ in
            // As dhclient, and as others set what a server has sent in option 121 (RFC 3442); and as an administrator.
            try shell(
                """
                ip route add 8.0.0.0/7 via 192.0.2.2
                ip route add 198.51.0.0/16 via 192.0.2.2 proto dhcp
                ip -6 route add 2600::/12 via 2001:db8:2::2 proto ra
                ip route add 203.0.113.128/25 via 192.0.2.2 proto static
                """
            )
            try await setup.networkDidChange()
            for destination in Self.outside.dropLast() {
                #expect(try way(to: destination) == (isAllowed ? "egress" : "ptun0"))
            }
            #expect(try way(to: "203.0.113.200") == "egress")
            #expect(try way(to: "192.0.2.2") == "egress")
            try shell(
                """
                ip route del 8.0.0.0/7; ip route del 198.51.0.0/16; ip -6 route del 2600::/12
                ip route del 203.0.113.128/25
                """
            )
        }
    }

    @Test("come back when somebody has removed them")
    func setsAgain() async throws {
        try await withTunnel { setup, _ in
            let rules = try shell("ip rule; ip -6 rule")
            try shell("ip rule flush protocol 112; ip -6 rule flush protocol 112")
            #expect(try way(to: Self.outside[0]) == "egress")
            try await setup.networkDidChange()
            let again = try shell("ip rule; ip -6 rule")
            #expect(again.split(separator: "\n").sorted() == rules.split(separator: "\n").sorted())
        }
    }

    @Test("can answer a family as unreachable that the tunnel does not carry")
    func answersUnreachable() async throws {
        try await withTunnel({
            $0.routes = [prefix("0.0.0.0/0")]
            $0.unreachable = [prefix("::/0")]
        }) { _, _ in
            let way6 = try HostNetwork.route(to: address(Self.outside[2]))
            #expect(way6 == nil)
            #expect(try way(to: Self.outside[0]) == "ptun0")
            #expect(try way(to: server(.v6)) == "egress")
            #expect(try way(to: "2001:db8:2::2") == "egress")
        }
    }

    @Test("of a killed run are removed, and those of a living one are not", arguments: [false, true])
    func removesLeftovers(usesSudo: Bool) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            var options = lab.options
            options.usesSudo = usesSudo
            let before = try hostState()
            let living = try TunDevice(name: "ptun1", mtu: 1500, loops: [lab.loop], joinsExisting: false)
            let split = ClientNetwork(
                addresses: [InterfaceAddress(address("10.201.0.2"), prefixLength: 24)],
                routes: [prefix("198.51.100.0/24")]
            )
            let other = try await InterfaceSetup.client(split, device: living, options: options)
            let withOther = try hostState()
            let device = try lab.openDevice()
            var network = full([server(.v4)])
            network.unreachable = [prefix("2001:db8:bad::/48")]
            _ = try await InterfaceSetup.client(network, device: device, options: options)
            #expect(try way(to: Self.outside[0]) == "ptun0")
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            await InterfaceSetup.removeLeftovers(options)
            try expectUnchanged(since: withOther)
            #expect(try way(to: "198.51.100.1") == "ptun1")
            await other.undo()
            await living.close()
            await eventually { if_nametoindex("ptun1") == 0 }
            try expectUnchanged(since: before)
        }
    }

    @Test("of several tunnels do not disturb each other, and the newest has what both want")
    func severalTunnels() async throws {
        try await withTunnel { _, lab in
            let first = try hostState()
            let second = try TunDevice(name: "ptun1", mtu: 1500, loops: [lab.loop], joinsExisting: false)
            var network = full([ServerEndpoint(address("203.0.113.23"), port: 22)])
            network.addresses = [InterfaceAddress(address("10.201.0.2"), prefixLength: 24)]
            network.routes = [prefix("0.0.0.0/0")]
            let setup = try await InterfaceSetup.client(network, device: second, options: lab.options)
            #expect(try way(to: Self.outside[0]) == "ptun1")
            #expect(try way(to: Self.outside[2]) == "ptun0")
            #expect(try way(to: server(.v4)) == "egress")
            #expect(try way(to: network.servers[0]) == "egress")
            await setup.undo()
            await second.close()
            await eventually { if_nametoindex("ptun1") == 0 }
            try expectUnchanged(since: first)
            #expect(try way(to: Self.outside[0]) == "ptun0")
        }
    }
}
