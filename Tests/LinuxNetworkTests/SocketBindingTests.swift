import EventLoops
import Glibc
import IPPacket
import Testing

@testable import LinuxNetwork

@Suite(
    "Binding a socket to an interface",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct SocketBindingTests {
    @Test("its packets leave there, and not where the best route leads", arguments: IPVersion.allCases)
    func leaves(_ version: IPVersion) async throws {
        let namespace = try NetworkNamespace()
        try await namespace.run {
            let network = version == .v4 ? "198.51.100.0/24" : "2001:db8:9::/64"
            let target = try #require(IPAddress(version == .v4 ? "198.51.100.9" : "2001:db8:9::9"))
            let family = version == .v4 ? "-4" : "-6"
            let loop = try EventLoop(name: "a")
            defer { loop.stop() }
            let names = ["near", "far"]
            let devices = try names.map { try TunDevice(name: $0, mtu: 1500, loops: [loop], joinsExisting: false) }
            for (name, metric) in zip(names, [10, 20]) {
                try shell(
                    """
                    sysctl -qw net.ipv6.conf.\(name).addr_gen_mode=1 && ip link set \(name) up &&
                    ip addr add 192.0.2.\(metric)/32 dev \(name) &&
                    ip addr add 2001:db8::\(metric)/128 dev \(name) nodad &&
                    ip \(family) route add \(network) dev \(name) metric \(metric)
                    """
                )
            }
            let readers = devices.map { QueueReader($0.lanes[0], loop: loop) }
            for reader in readers { await reader.start() }
            for (number, bound) in ["far", "near", nil, "far"].enumerated() {
                let socket = try DatagramSocket(bound: address(version == .v4 ? "0.0.0.0" : "::"), port: 0)
                if let bound { try HostNetwork.bindToDevice(socket.descriptor, bound) }
                try socket.send([UInt8(number)], to: target, port: 9)
            }
            #expect(try await readers[0].next().bytes.last == 1)
            #expect(try await readers[0].next().bytes.last == 2)
            #expect(try await readers[1].next().bytes.last == 0)
            #expect(try await readers[1].next().bytes.last == 3)
            for device in devices { await device.close() }
        }
    }

    @Test("an interface that is not there is named")
    func refuses() throws {
        let socket = try DatagramSocket(bound: IPAddress(ipv4: 0x7f00_0001), port: 0)
        let missing = #expect(throws: NetworkSetupError.self) {
            try HostNetwork.bindToDevice(socket.descriptor, "nosuch0")
        }
        #expect(missing?.description == "there is no interface nosuch0: ip link shows those that there are")
        for name in ["", "lo-and-17-bytes-x"] {
            let error = #expect(throws: NetworkSetupError.self) {
                try HostNetwork.bindToDevice(socket.descriptor, name)
            }
            #expect(error?.kind == .unknownInterface)
        }
    }

    @Test("a host on which tun devices can be made has a tun driver")
    func supported() {
        #expect(TunDevice.isSupported)
    }
}
