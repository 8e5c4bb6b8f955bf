import EventLoops
import Foundation
import Glibc
import IPPacket
import PacketTunnel
import Testing

@testable import LinuxNetwork

@Suite(
    "Interface setup of a client without routing rules",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct ClientSetupTests {
    private static let port: UInt16 = 2222
    private static let network = ClientNetwork(
        addresses: [
            InterfaceAddress(address("10.200.0.2"), prefixLength: 24),
            InterfaceAddress(address("fd77::2"), prefixLength: 64),
        ],
        routes: [prefix("0.0.0.0/0"), prefix("::/0"), prefix("203.0.113.0/24")]
    )

    private func server(_ version: IPVersion) -> IPAddress {
        address(version == .v4 ? "203.0.113.22" : "2001:db8:99::22")
    }

    @Test("sends everything into the tunnel but the way to the server", arguments: IPVersion.allCases)
    func routesEverything(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            let device = try lab.openDevice()
            var network = Self.network
            network.servers = [ServerEndpoint(server(version), port: Self.port)]
            let setup = try await InterfaceSetup.client(network, device: device, options: lab.hostRouteOptions)
            for destination in ["8.8.8.8", "198.51.100.1", "203.0.113.1", "2606:4700::1", "2001:db8:5::1"] {
                #expect(try HostNetwork.route(to: address(destination))?.interfaceName == "ptun0")
            }
            let pinned = try #require(try HostNetwork.route(to: server(version)))
            #expect(pinned.interfaceName == "egress" && pinned.gateway == lab.outside(version))
            // The other family's way to the same host is not the one in use.
            #expect(try HostNetwork.defaultRoute(version)?.interfaceName == "egress")

            await setup.undo()
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            try expectUnchanged(since: before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.path) == [])
        }
    }

    @Test("follows when the host moves to another network", arguments: IPVersion.allCases)
    func repinsAfterMove(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let ip = version == .v4 ? "ip -4" : "ip -6"
            let gateway = version == .v4 ? "198.51.100.1" : "2001:db8:55::1"
            let own = version == .v4 ? "198.51.100.9/24" : "2001:db8:55::9/64 nodad"
            try shell("ip addr add \(own.split(separator: " ")[0]) dev other \(version == .v4 ? "" : "nodad")")
            let local = address(String(own.prefix { $0 != "/" }))
            await eventually { (try? HostNetwork.route(to: local))??.kind == .local }
            let before = try hostState()
            let device = try lab.openDevice()
            var network = Self.network
            network.servers = [ServerEndpoint(server(version), port: Self.port)]
            let setup = try await InterfaceSetup.client(network, device: device, options: lab.hostRouteOptions)
            try await setup.admit(ServerEndpoint(server(version), port: Self.port))
            #expect(try HostNetwork.route(to: server(version))?.interfaceName == "egress")

            try shell("\(ip) route replace default via \(gateway) dev other")
            try await setup.admit(ServerEndpoint(server(version), port: Self.port))
            let moved = try #require(try HostNetwork.route(to: server(version)))
            #expect(moved.interfaceName == "other" && moved.gateway == address(gateway))

            try shell("\(ip) route replace default via \(lab.outside(version)) dev egress")
            await setup.undo()
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            try expectUnchanged(since: before)
        }
    }

    @Test("pins nothing that needs no pin")
    func pinsOnlyWhatIsCovered() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            try shell("ip route add 203.0.113.7/32 via 192.0.2.9 dev egress")
            let device = try lab.openDevice()
            let network = ClientNetwork(
                addresses: [InterfaceAddress(address("10.200.0.2"), prefixLength: 24)],
                routes: [prefix("203.0.113.0/24"), prefix("192.0.2.0/25")]
            )
            let setup = try await InterfaceSetup.client(network, device: device, options: lab.hostRouteOptions)
            let before = try hostState()
            // No route of the tunnel covers it; the administrator's own route; this host.
            for text in ["198.51.100.1", "203.0.113.7", "192.0.2.1"] {
                try await setup.admit(ServerEndpoint(address(text), port: Self.port))
            }
            try expectUnchanged(since: before)
            await setup.undo()
            #expect(try HostNetwork.route(to: address("203.0.113.7"))?.gateway == address("192.0.2.9"))
            await device.close()
        }
    }

    @Test("leaves no route behind when it was killed")
    func removesLeftoverPin() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            for version in IPVersion.allCases {
                let device = try lab.openDevice()
                var network = Self.network
                network.servers = [ServerEndpoint(server(version), port: Self.port)]
                _ = try await InterfaceSetup.client(network, device: device, options: lab.hostRouteOptions)
                await device.close()
                await eventually { if_nametoindex("ptun0") == 0 }
                #expect(try HostNetwork.routes().contains { $0.destination == IPPrefix(only: server(version)) })
                await InterfaceSetup.removeLeftovers(lab.hostRouteOptions)
                try expectUnchanged(since: before)
            }
        }
    }

    @Test("says which route exists already, and takes back what it had done")
    func refusesExistingRoute() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let device = try lab.openDevice()
            let network = ClientNetwork(
                addresses: [InterfaceAddress(address("10.200.0.2"), prefixLength: 24)],
                routes: [prefix("192.0.2.0/24")]
            )
            try shell("ip route add 192.0.2.0/24 dev other metric 0 2>/dev/null || true")
            let before = try hostState()
            let error = await failure {
                _ = try await InterfaceSetup.client(network, device: device, options: lab.hostRouteOptions)
            }
            #expect(error?.kind == .routeClash)
            #expect(error?.reason.contains("192.0.2.0/24") == true)
            try expectUnchanged(since: before)
            await device.close()
        }
    }

    @Test("does the same by commands, for a process that may only use sudo")
    func worksByCommands() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            let device = try lab.openDevice()
            var options = lab.hostRouteOptions
            var network = Self.network
            network.servers = [ServerEndpoint(server(.v6), port: Self.port)]
            network.queueLength = 600
            let byNetlink = try await InterfaceSetup.client(network, device: device, options: options)
            let isInUse = { (try? HostNetwork.route(to: address("fd77::2")))??.kind == .local }
            await eventually(isInUse)
            let expected = try hostState()
            await byNetlink.undo()
            options.usesSudo = true
            #expect(options.administration is CommandAdministration)
            let byCommands = try await InterfaceSetup.client(network, device: device, options: options)
            await eventually(isInUse)
            // `ip` marks its routes as "boot", this package as "static".
            #expect(
                try hostState().replacing("proto static ", with: "") == expected.replacing("proto static ", with: "")
            )
            await byCommands.undo()
            let pool = ServerNetwork(pool: prefix("10.0.0.0/8"), pool6: prefix("fd3e:7a11::/104"))
            let server = try await InterfaceSetup.server(pool, device: device, options: options)
            #expect(Sysctl(path: "net/ipv4/conf/egress/forwarding").read() == "1")
            await server.undo()
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            try expectUnchanged(since: before)
        }
    }
}
