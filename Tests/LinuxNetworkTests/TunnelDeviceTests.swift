import EventLoops
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

@Suite(
    "A device whose packets a program reads itself",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct TunnelDeviceTests {
    private static func datagram(_ version: IPVersion, from source: String, to destination: String) -> [UInt8] {
        PacketBuilder.udp(source: address(source), destination: address(destination), payload: [1, 2, 3])
    }

    @Test("carries a client's packets both ways, and is gone after its end", arguments: IPVersion.allCases)
    func client(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let loop = try EventLoop(name: "device")
            defer { loop.stop() }
            let before = try hostState()
            let network = ClientNetwork(
                addresses: [
                    InterfaceAddress(address("10.200.0.2"), prefixLength: 24),
                    InterfaceAddress(address("fd77::2"), prefixLength: 64),
                ],
                routes: [prefix("203.0.113.0/24"), prefix("2001:db8:99::/48")]
            )
            let device = try await TunnelDevice.client(network, name: "pkt0", loop: loop, options: lab.options)
            #expect(device.name == "pkt0")
            let (own, host) =
                version == .v4 ? ("10.200.0.2", "203.0.113.9") : ("fd77::2", "2001:db8:99::9")
            let socket = try DatagramSocket(bound: address(own), port: 0)
            try socket.send([9, 8, 7], to: address(host), port: 7)
            let sent = try await Self.next(of: device, to: address(host))
            let facts = try PacketSummary(validating: sent.span.bytes)
            #expect(facts.destinationPort == 7 && Array(sent.suffix(3)) == [9, 8, 7])

            let answer = PacketBuilder.udp(
                source: address(host),
                destination: address(own),
                sourcePort: 7,
                destinationPort: facts.sourcePort,
                payload: [4, 5]
            )
            try await device.writePacket(answer)
            // The kernel may deliver it a moment after the write.
            var received: [UInt8]?
            await eventually {
                received = try? socket.receive()
                return received != nil
            }
            #expect(received == [4, 5])

            await device.close()
            await device.close()
            await eventually { if_nametoindex("pkt0") == 0 }
            try expectUnchanged(since: before)
            await #expect(throws: PacketStreamError.closed(reason: "closed")) { try await device.readPacket() }
        }
    }

    /// The kernel sends packets of its own, too.
    private static func next(of device: TunnelDevice, to destination: IPAddress) async throws -> [UInt8] {
        while true {
            let packet = try await device.readPacket()
            if (try? PacketSummary(validating: packet.span.bytes))?.destination == destination { return packet }
        }
    }

    @Test("wraps a device that somebody else has opened")
    func descriptor() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let loop = try EventLoop(name: "device")
            defer { loop.stop() }
            let (descriptor, name) = try TunDevice.openTunDevice(name: "own%d")
            #expect(name == "own0")
            #expect(throws: NetworkSetupError.self) { try TunDevice.openTunDevice(name: "own0") }
            let device = try TunnelDevice(descriptor: descriptor, loop: loop)
            #expect(device.name.isEmpty)
            // A device that is down takes nothing.
            await #expect(throws: PacketStreamError.notTaken) {
                try await device.writePacket(Self.datagram(.v4, from: "203.0.113.9", to: "10.200.0.2"))
            }
            await device.close()
            #expect(fcntl(descriptor, F_GETFD) >= 0)
            Glibc.close(descriptor)
            await eventually { if_nametoindex("own0") == 0 }
        }
    }
}
