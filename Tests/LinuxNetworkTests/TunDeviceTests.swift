import EventLoops
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import LinuxNetwork

@Suite(
    "Tun device",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct TunDeviceTests {
    @Test("opens queues for each loop under one name, and vanishes with the last of them")
    func opensQueues() async throws {
        let loops = [try EventLoop(name: "a"), try EventLoop(name: "b")]
        defer { for loop in loops { loop.stop() } }
        try await NetworkNamespace().run {
            let device = try TunDevice(name: "ptun%d", mtu: 1500, loops: loops, joinsExisting: false)
            #expect(device.name == "ptun0")
            #expect(device.lanes.count == 2 && device.index != 0)
            #expect(try shell("ip -d link show ptun0").contains("multi_queue numqueues 64"))
            await device.close()
            // A child process of another test may hold the descriptors until it has become its program.
            await eventually { if_nametoindex("ptun0") == 0 }
        }
    }

    @Test("refuses a name that somebody else uses instead of taking half of its packets")
    func refusesBusyName() async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        try await NetworkNamespace().run {
            let device = try TunDevice(name: "ptun0", mtu: 1500, loops: [loop], joinsExisting: false)
            let error = #expect(throws: NetworkSetupError.self) {
                try TunDevice(name: "ptun0", mtu: 1500, loops: [loop], joinsExisting: false)
            }
            #expect(error?.kind == .nameBusy)
            #expect(error?.description.contains("ptun0") == true)
            await device.close()
        }
    }

    @Test("is made by a command where only sudo may, and vanishes all the same")
    func opensByCommand() async throws {
        let loops = [try EventLoop(name: "a"), try EventLoop(name: "b")]
        defer { for loop in loops { loop.stop() } }
        let directory = try TemporaryDirectory()
        try await NetworkNamespace().run {
            var options = testOptions(directory)
            options.usesSudo = true
            try shell("ip tuntap add dev ptun0 mode tun")
            let device = try await TunDevice.open(mtu: 1500, loops: loops, options: options)
            #expect(device.name == "ptun1" && device.lanes.count == 2)
            await device.close()
            await eventually { if_nametoindex("ptun1") == 0 }
        }
    }

    @Test("refuses a name that the kernel would cut off or not take", arguments: ["", "ptun-of-16-bytes", "a/b"])
    func refusesBadName(name: String) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let directory = try TemporaryDirectory()
        try await NetworkNamespace().run {
            let error = await failure {
                _ = try await TunDevice.open(name: name, mtu: 1500, loops: [loop], options: testOptions(directory))
            }
            #expect(error?.kind == .badName)
        }
    }

    @Test("says so when the interface was removed behind its back")
    func reportsRemoval() async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        try await NetworkNamespace().run {
            let device = try TunDevice(name: "ptun0", mtu: 1500, loops: [loop], joinsExisting: false)
            let queue = device.lanes[0]
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            await loop.run {
                queue.deviceDidDisappear = { continuation.finish() }
                queue.start {}
            }
            try shell("ip link del ptun0")
            for await _ in stream {}
        }
    }

    @Test("does not take a packet while the interface is down", arguments: IPVersion.allCases)
    func refusesWhileDown(version: IPVersion) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        try await NetworkNamespace().run {
            let device = try TunDevice(name: "ptun0", mtu: 1500, loops: [loop], joinsExisting: false)
            let ends = TestEnds(version)
            let packet = PacketBuilder.udp(source: ends.far, destination: ends.near, payload: [1, 2, 3])
            let queue = device.lanes[0]
            #expect(await loop.run { queue.send(packet) } == false)
            try shell("ip link set ptun0 up")
            #expect(await loop.run { queue.send(packet) })
            await device.close()
        }
    }

    @Test("a flood that nobody reads costs most other flows nothing", arguments: IPVersion.allCases)
    func keepsFlowsApart(version: IPVersion) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        try await NetworkNamespace().run {
            let device = try TunDevice(name: "ptun0", mtu: 1500, loops: [loop], joinsExisting: false)
            let ends = TestEnds(version)
            try ends.configure("ptun0")
            let socket = try DatagramSocket(bound: ends.near, port: 4000)
            // More than one of the kernel's queues holds.
            for _ in 0..<3_000 { try? socket.send([0], to: ends.far, port: 9) }
            for port in 5_000..<5_040 as Range<UInt16> { try? socket.send([1], to: ends.far, port: port) }
            let reader = QueueReader(device.lanes[0])
            await reader.start()
            // 31 of 32, on average.
            for _ in 0..<30 { _ = try await reader.next { $0.summary.destinationPort >= 5_000 } }
            await device.close()
        }
    }

    @Test("carries datagrams out of the host and into it", arguments: IPVersion.allCases)
    func carriesDatagrams(version: IPVersion) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        try await NetworkNamespace().run {
            let device = try TunDevice(name: "ptun0", mtu: 1500, loops: [loop], joinsExisting: false)
            let ends = TestEnds(version)
            try ends.configure("ptun0")
            let reader = QueueReader(device.lanes[0])
            await reader.start()

            let socket = try DatagramSocket(bound: ends.near, port: 4000)
            try socket.send([0x61, 0x62], to: ends.far, port: 53)
            let packet = try await reader.next { $0.summary.destinationPort == 53 }
            #expect(packet.summary.source == ends.near && packet.summary.destination == ends.far)
            #expect(packet.summary.payloadLength == 2 && packet.offload.segmentSize == 0)

            let answer = PacketBuilder.udp(
                source: ends.far,
                destination: ends.near,
                sourcePort: 53,
                destinationPort: 4000,
                payload: [0x63]
            )
            let queue = device.lanes[0]
            #expect(await loop.run { queue.send(answer) })
            #expect(try socket.receive() == [0x63])
            await device.close()
        }
    }

    @Test("hands over TCP as super-packets and takes them back, both ways", arguments: IPVersion.allCases)
    func carriesSuperPackets(version: IPVersion) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let ends = TestEnds(version)
        let hosts = try await BridgedHosts(ends, loop: loop)
        let (near, far, bridge) = (hosts.near, hosts.far, hosts.bridge)

        let listener = try await far.run { try StreamSocket(listeningAt: ends.far, port: 80) }
        let client = try await near.run { try StreamSocket(connectedTo: ends.far, port: 80) }
        let server = try listener.accept()
        let bytes = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
        async let received = server.receive(count: bytes.count)
        try await client.send(bytes)
        #expect(try await received == bytes)
        async let returned = client.receive(count: bytes.count)
        try await server.send(bytes)
        #expect(try await returned == bytes)

        #expect(bridge.refused.load(ordering: .relaxed) == 0)
        #expect(bridge.superPackets.load(ordering: .relaxed) > 0)
        // 8 MB in 1,400-byte packets would be about 6,000.
        #expect(bridge.packets.load(ordering: .relaxed) < 4000)
        await hosts.close()
    }

    @Test("hands over UDP super-packets and takes them back", arguments: IPVersion.allCases)
    func carriesUDPSuperPackets(version: IPVersion) async throws {
        let loop = try EventLoop(name: "a")
        defer { loop.stop() }
        let ends = TestEnds(version)
        let hosts = try await BridgedHosts(ends, loop: loop)
        let (near, far, bridge) = (hosts.near, hosts.far, hosts.bridge)

        let receiver = try await far.run { try DatagramSocket(bound: ends.far, port: 7) }
        let sender = try await near.run { try DatagramSocket(bound: ends.near, port: 8) }
        try sender.segmentDatagrams(size: 1000)
        let bytes = (0..<4500).map { UInt8(truncatingIfNeeded: $0 >> 2) }
        try sender.send(bytes, to: ends.far, port: 7)
        for start in stride(from: 0, to: 4500, by: 1000) {
            #expect(try receiver.receive() == Array(bytes[start..<min(start + 1000, 4500)]))
        }
        let isSupported = hosts.nearDevice.lanes[0].supportsUDPOffload
        #expect(bridge.superPackets.load(ordering: .relaxed) == (isSupported ? 1 : 0))
        await hosts.close()
    }
}
