import EventLoops
import Foundation
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

@Suite(
    "Interface setup",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct InterfaceSetupTests {
    static let network = ServerNetwork(
        pool: prefix("10.0.0.0/8"),
        pool6: prefix("fd3e:7a11::/104"),
        resolvers: [address("192.0.2.1")]
    )

    @Test("makes a server of the host, and afterwards everything is as it was")
    func serverUndoesEverything() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            let device = try lab.openDevice()
            let withDevice = try hostState()
            let setup = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            let addresses = try shell("ip -o addr show dev ptun0")
            #expect(addresses.contains("10.0.0.1/8") && addresses.contains("fd3e:7a11::1/104"))
            #expect(!addresses.contains("fe80:"))
            #expect(try shell("ip route show dev ptun0").contains("10.0.0.0/8"))
            #expect(try shell("ip -6 route show dev ptun0").contains("fd3e:7a11::/104"))
            #expect(Sysctl(path: "net/ipv4/conf/egress/forwarding").read() == "1")
            #expect(Sysctl(path: "net/ipv4/conf/lo/forwarding").read() == "0")
            #expect(try shell("nft list tables") == "table inet packet_tunnel_ptun0\n")

            await setup.undo()
            await setup.undo()
            try expectUnchanged(since: withDevice)
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            try expectUnchanged(since: before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.path) == [])
        }
    }

    @Test("masquerades what leaves, and lets only answers back in", arguments: IPVersion.allCases)
    func forwards(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        let client = address(version == .v4 ? "10.9.8.7" : "fd3e:7a11::9:807")
        let inside = lab.inside(version)
        let outside = lab.outside(version)
        let target = try await lab.internet.run { try DatagramSocket(bound: outside, port: 7) }
        try await lab.server.run {
            let device = try lab.openDevice()
            let setup = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            let reader = QueueReader(device.lanes[0])
            await reader.start()

            let request = PacketBuilder.udp(
                source: client,
                destination: outside,
                sourcePort: 5000,
                destinationPort: 7,
                payload: [1]
            )
            #expect(await lab.loop.run { device.lanes[0].send(request) })
            let arrived = try #require(try target.receiveWithSource())
            #expect(arrived.bytes == [1])
            #expect(arrived.source == inside)

            try target.send([2], to: arrived.source, port: arrived.port)
            let answer = try await reader.next { $0.summary.sourcePort == 7 }
            #expect(answer.summary.destination == client && answer.bytes.last == 2)

            // Nobody outside may begin a conversation with a client's address, even if it knows the way.
            try target.setTimeout(milliseconds: 200)
            try target.send([3], to: client, port: 5001)
            // From the host's own network the same way: an answer that is awaited proves that the other one is gone.
            try target.send([4], to: arrived.source, port: arrived.port)
            let next = try await reader.next { $0.summary.sourcePort == 7 }
            #expect(next.bytes.last == 4)
            await setup.undo()
            await device.close()
        }
    }

    @Test("lets no client reach another, the host, or a network beside the egress", arguments: IPVersion.allCases)
    func isolates(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        let client = address(version == .v4 ? "10.9.8.7" : "fd3e:7a11::9:807")
        let other = address(version == .v4 ? "10.1.1.1" : "fd3e:7a11::1:101")
        let inside = lab.inside(version)
        let outside = lab.outside(version)
        let target = try await lab.internet.run { try DatagramSocket(bound: outside, port: 7) }
        try await lab.server.run {
            var network = Self.network
            network.resolvers = [inside]
            let device = try lab.openDevice()
            let setup = try await InterfaceSetup.server(network, device: device, options: lab.options)
            let reader = QueueReader(device.lanes[0])
            await reader.start()
            let host = try DatagramSocket(bound: inside, port: 7)
            let resolver = try DatagramSocket(bound: inside, port: 53)
            #expect(await lab.send(from: client, to: other, port: 9, on: device))
            #expect(await lab.send(from: client, to: inside, port: 7, on: device))
            #expect(await lab.send(from: client, to: inside, port: 53, on: device))
            // The resolver is the one thing of the host that clients reach. It came last, so the others are decided.
            #expect(try resolver.receive() == [1])
            try host.setTimeout(milliseconds: 50)
            #expect(try host.receive() == nil)
            try resolver.send([5], to: client, port: 5000)
            let first = try await reader.next { $0.summary.transport == .udp }
            #expect(first.bytes.last == 5, "the packet to another client came back: \(first.summary)")

            // A source that is no client's address is not forwarded.
            let forged = PacketBuilder.udp(
                source: address(version == .v4 ? "203.0.113.5" : "2001:db8:77::5"),
                destination: outside,
                sourcePort: 5000,
                destinationPort: 7,
                payload: [6]
            )
            #expect(await lab.loop.run { device.lanes[0].send(forged) })
            #expect(await lab.send(from: client, to: outside, port: 7, on: device))
            #expect(try target.receive() == [1])
            await setup.undo()
            await device.close()
        }
    }

    @Test("takes back what a killed run has left, before it starts anew")
    func removesLeftovers() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            // Killed: the state file stays, unlocked, and the interface vanishes with its descriptors.
            do {
                let device = try lab.openDevice()
                _ = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
                await device.close()
                await eventually { if_nametoindex("ptun0") == 0 }
            }
            #expect(try hostState() != before)
            await InterfaceSetup.removeLeftovers(lab.options)
            try expectUnchanged(since: before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.path) == [])
        }
    }

    @Test("can be killed between any two of its changes, and between noting one and making it", arguments: 0..<9)
    func removesPartialLeftovers(count: Int) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let before = try hostState()
            let device = try lab.openDevice()
            let whole = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            let changes = whole.changes.map(\.change)
            await whole.undo()
            #expect(count < changes.count)

            func runUntilKilled() async throws {
                let setup = try InterfaceSetup(device: device, options: lab.options)
                for change in changes.prefix(count) { try await setup.make(change) }
                if let record = changes[count].record(ownInterface: "ptun0") { try setup.state.append(record) }
            }
            try await runUntilKilled()
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            await InterfaceSetup.removeLeftovers(lab.options)
            try expectUnchanged(since: before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: lab.directory.path) == [])
        }
    }

    @Test("keeps a setting that somebody else has changed since")
    func keepsForeignChanges() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let setting = Sysctl(path: "net/ipv4/conf/egress/forwarding")
            let device = try lab.openDevice()
            let setup = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            try setting.write("0")
            try setting.write("1")
            await setup.undo()
            #expect(setting.read() == "0")
            try setting.write("1")
            let second = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            await second.undo()
            #expect(setting.read() == "1")
            await device.close()
        }
    }

    @Test("switches IPv6 forwarding for the whole host only on old kernels, and leaves the interfaces hosts")
    func wholeHostForwarding() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            try Sysctl(path: "net/ipv6/conf/other/forwarding").write("1")
            let before = try hostState()
            let device = try lab.openDevice()
            let setup = try InterfaceSetup(device: device, options: lab.options)
            for change in ForwardingChanges.ipv6(interface: "ptun0", egress: "egress", forces: false) {
                try await setup.make(change)
            }
            let value = { @Sendable (name: String) in Sysctl(path: "net/ipv6/conf/\(name)").read() }
            #expect(value("all/forwarding") == "1")
            #expect(value("egress/forwarding") == "0" && value("egress/accept_ra") == "2")
            #expect(value("other/forwarding") == "1" && value("default/forwarding") == "0")
            await setup.undo()
            await device.close()
            await eventually { if_nametoindex("ptun0") == 0 }
            try expectUnchanged(since: before)
        }
    }

    @Test("warns instead of failing for a host without IPv6, if it may")
    func mayDoWithoutIPv6() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            // An MTU below 1280 takes IPv6 off an interface.
            let device = try lab.openDevice(mtu: 1000)
            let before = try hostState()
            try shell("ip link set ptun0 mtu 1000")
            let error = await failure {
                _ = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            }
            #expect(error != nil)
            var options = lab.options
            options.allowsMissingIPv6 = true
            let setup = try await InterfaceSetup.server(Self.network, device: device, options: options)
            #expect(try shell("ip -o addr show dev ptun0").contains("10.0.0.1/8"))
            await setup.undo()
            try shell("ip link set ptun0 mtu 1500")
            try expectUnchanged(since: before)
            await device.close()
        }
    }
}
