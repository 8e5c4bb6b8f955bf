public import EventLoops
public import PacketTunnel

/// A tun device whose packets a program reads and writes itself: the seed's `Device`, with its three ways of making one.
///
/// A program that lets `PacketTunnelServer` or `PacketTunnelClient` do that uses `TunDevice` and `InterfaceSetup`
/// directly, as `packet-tunneld` does; this is built of the same two. May be used from any task.
public final class TunnelDevice: Sendable {
    /// The interface's name; empty for a device made of a descriptor.
    public var name: String { port.name }
    /// The packets: read, write, their bounds.
    public let port: PacketPort

    private let setup: SetupOwner

    /// Creates and configures a server's device: addresses of the pools, packet filter, NAT, forwarding.
    ///
    /// The pools are fixed networks, so a host has one device for each pair of pools.
    ///
    /// - Parameters:
    ///   - mtu: bytes of the largest packet, 1,280 to 65,535, or 0 for the default.
    ///   - loop: the thread that reads and writes; has to run until `close` has returned.
    /// - Throws: `NetworkSetupError`; nothing is left behind then.
    public static func server(
        _ network: ServerNetwork,
        name: String = TunDevice.defaultName,
        mtu: Int = TunnelDefaults.mtu,
        loop: EventLoop,
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> TunnelDevice {
        let device = try await TunDevice.open(name: name, mtu: mtu, loops: [loop], options: options)
        let setup = try await InterfaceSetup.server(network, device: device, options: options)
        return TunnelDevice(device: device.lanes[0], loop: loop, setup: setup)
    }

    /// Creates and configures a client's device: addresses, routes, the way to the server. A host may have several.
    ///
    /// - Parameters: as for `server(_:name:mtu:loop:options:)`.
    /// - Throws: `NetworkSetupError`; nothing is left behind then.
    public static func client(
        _ network: ClientNetwork,
        name: String = TunDevice.defaultName,
        mtu: Int = TunnelDefaults.mtu,
        loop: EventLoop,
        options: NetworkSetupOptions
    ) async throws(NetworkSetupError) -> TunnelDevice {
        let device = try await TunDevice.open(name: name, mtu: mtu, loops: [loop], options: options)
        let setup = try await InterfaceSetup.client(network, device: device, options: options)
        return TunnelDevice(device: device.lanes[0], loop: loop, setup: setup)
    }

    /// Wraps a device that somebody else opened and configured; the descriptor is duplicated.
    ///
    /// - Throws: `NetworkSetupError` when it is not an open descriptor.
    public convenience init(
        descriptor: Int32,
        mtu: Int = TunnelDefaults.mtu,
        loop: EventLoop
    ) throws(NetworkSetupError) {
        let device = try ForeignDevice(descriptor: descriptor, mtu: mtu, loop: loop)
        self.init(device: device, loop: loop, setup: nil)
    }

    private init(device: sending any PacketDevice, loop: EventLoop, setup: sending InterfaceSetup?) {
        port = PacketPort(device: device, loop: loop)
        self.setup = SetupOwner(setup)
    }

    /// Waits for one full packet; see `PacketPort.readPacket()`.
    public func readPacket() async throws(PacketStreamError) -> [UInt8] { try await port.readPacket() }

    /// Writes one full packet. Concurrent calls are supported; see `PacketPort.writePacket(_:)`.
    public func writePacket(_ packet: [UInt8]) async throws(PacketStreamError) { try await port.writePacket(packet) }

    /// Interrupts tasks that read, takes back what was configured, and removes the device. Idempotent.
    public func close() async {
        await setup.undo()
        await port.close()
    }
}

/// Keeps the set-up of a device for one task at a time.
private actor SetupOwner {
    private var setup: InterfaceSetup?

    init(_ setup: sending InterfaceSetup?) { self.setup = setup }

    func undo() async {
        guard let taken = setup.take() else { return }
        await taken.undo()
    }
}
