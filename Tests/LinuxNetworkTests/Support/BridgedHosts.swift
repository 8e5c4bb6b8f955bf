import EventLoops

@testable import LinuxNetwork

/// Two hosts, each with a tun device, and a bridge that hands the packets of one to the other.
struct BridgedHosts {
    let near: NetworkNamespace
    let far: NetworkNamespace
    let nearDevice: TunDevice
    let bridge: Bridge
    private let farDevice: TunDevice

    init(_ ends: TestEnds, loop: EventLoop) async throws {
        near = try NetworkNamespace()
        far = try NetworkNamespace()
        let open = { @Sendable (ends: TestEnds) throws -> TunDevice in
            let device = try TunDevice(name: "ptun0", mtu: 1400, loops: [loop], joinsExisting: false)
            try ends.configure("ptun0", mtu: 1400)
            return device
        }
        nearDevice = try await near.run { try open(ends) }
        farDevice = try await far.run { try open(ends.reversed) }
        let bridge = Bridge(nearDevice.lanes[0], farDevice.lanes[0])
        self.bridge = bridge
        await loop.run { bridge.start() }
    }

    func close() async {
        await nearDevice.close()
        await farDevice.close()
    }
}
