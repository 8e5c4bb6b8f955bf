import EventLoops
import Glibc
import IPPacket
import LinuxNetwork
import Logging
import PacketTunnel
import Synchronization

func options() -> NetworkSetupOptions {
    var options = NetworkSetupOptions(logger: Logger(label: "seed", factory: { _ in SwiftLogNoOpLogHandler() }))
    options.stateDirectory = "/run/lab/seed"
    options.usesSudo = false
    options.allowsMissingIPv6 = false
    return options
}

func serverNetwork() -> ServerNetwork {
    ServerNetwork(pool: TunnelDefaults.ipv4Pool, pool6: TunnelDefaults.ipv6Pool, egressInterface: "lo")
}

func clientNetwork() -> ClientNetwork {
    let addresses = ["10.111.0.2", "fd11::2"].compactMap { IPAddress($0) }
    return ClientNetwork(
        addresses: addresses.map { InterfaceAddress($0, prefixLength: $0.isIPv4 ? 32 : 128) },
        routes: ["203.0.113.0/24", "2001:db8::/32"].compactMap { IPPrefix($0) }
    )
}

func devices(_ loop: EventLoop) async throws {
    let (descriptor, name) = try TunDevice.openTunDevice()
    try check("OpenTunDevice", descriptor >= 0 && !name.isEmpty)
    let foreign = try TunnelDevice(descriptor: descriptor, loop: loop)
    try check("NewClientDeviceFromFD, Device.Name", foreign.name.isEmpty)
    await foreign.close()
    close(descriptor)

    let server = try await TunnelDevice.server(serverNetwork(), name: "seed0", loop: loop, options: options())
    try check("NewServerDevice, Device.Name", server.name == "seed0")
    await server.close()

    let client = try await TunnelDevice.client(clientNetwork(), name: "seed1", loop: loop, options: options())
    try check("NewClientDevice", client.name == "seed1")
    try await client.writePacket(datagramToClient())
    try await withThrowingTaskGroup { group in
        for _ in 0..<8 { group.addTask { try await client.writePacket(datagramToClient()) } }
        try await group.waitForAll()
    }
    try check("Device.WritePacket, also from several tasks", true)
    sendThroughKernel()
    try check("Device.ReadPacket", try await readOwn(client).count == 31)
    async let reading = try? client.port.readPacket()
    await client.close()
    _ = await reading
    try check("Device.Close", if_nametoindex("seed1") == 0)
}

private func datagramToClient() -> [UInt8] {
    // The answer to nothing: the kernel takes it and finds no socket.
    var packet = datagram(.v4)
    packet.replaceSubrange(12..<20, with: Array(packet[16..<20]) + Array(packet[12..<16]))
    return packet
}

/// One datagram of three bytes to a network behind the client's device.
private func sendThroughKernel() {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = UInt16(7).bigEndian
    name.sin_addr.s_addr = UInt32(0xcb00_7109).bigEndian
    withUnsafePointer(to: &name) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = sendto(descriptor, [7, 7, 7], 3, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

private func readOwn(_ device: TunnelDevice) async throws -> [UInt8] {
    while true {
        let packet = try await device.readPacket()
        if let facts = try? PacketSummary(validating: packet.span.bytes), facts.destinationPort == 7 { return packet }
    }
}

/// Hears of one flow.
private final class Updater: FlowActivityUpdater, Sendable {
    let bytes = Atomic(0)

    func updateProgress(downstreamBytes: Int, upstreamBytes: Int, nanoseconds: UInt64) {
        bytes.add(downstreamBytes + upstreamBytes, ordering: .relaxed)
    }
}

func serverAndClient(_ loop: EventLoop) async throws {
    let logger = Logger(label: "seed", factory: { _ in SwiftLogNoOpLogHandler() })
    var configuration = ServerConfiguration()
    // 0 means the default, and the queues of the seed are accepted.
    configuration.mtu = 0
    configuration.downstreamQueueLimitInBytes = 524_288
    configuration.sessionExpiry = .zero
    // The packets here go to a network of the documentation, which is denied otherwise.
    configuration.policy = TrafficPolicy(deniedNetworks: [])
    configuration.dnsResolvers = { DNSResolvers(["203.0.113.53", "2001:db8::53"].compactMap { IPAddress($0) }) }
    let upper = try await TunDevice.open(name: "seed2", mtu: configuration.mtu, loops: [loop], options: options())
    let serverSetup = try await InterfaceSetup.server(serverNetwork(), device: upper, options: options())
    let lane = PacketTunnelServer.Lane(loop: loop, device: upper.lanes[0])
    let server = try PacketTunnelServer(configuration: configuration, lanes: [lane], logger: logger)
    server.start()
    try check("NewServer, Server.Start", server.sessionCount.all == 0)

    let lower = try await TunDevice.open(name: "seed3", mtu: configuration.mtu, loops: [loop], options: options())
    let clientSetup = try await InterfaceSetup.client(clientNetwork(), device: lower, options: options())
    var settings = ClientConfiguration()
    settings.mtu = configuration.mtu
    settings.upstreamQueueLimitInBytes = 32_768
    let made = try PacketTunnelClient(configuration: settings, loop: loop, device: lower.lanes[0], logger: logger)
    let client = LoopBound(made, on: loop)
    let updater = Updater()
    let metrics = Atomic<Int64>(0)
    var hooks = ClientHooks()
    let permitsPort: AllowedPortChecker = { _, port in port == 7 }
    hooks.allowsTCPPort = permitsPort
    hooks.allowsUDPPort = permitsPort
    let makeUpdaters: FlowActivityUpdaterMaker = { _, _ in [updater] }
    hooks.makeFlowActivityUpdaters = makeUpdaters
    let updateMetrics: MetricsUpdater = { metrics.add($0.udpUpstream, ordering: .relaxed) }
    hooks.updateMetrics = updateMetrics
    hooks.reportDNSQuality = { _, _, _ in }
    let (near, far) = socketPair()
    let ends = (try await transport(near, loop), try await transport(far, loop))
    let alice = SessionIdentity(user: "alice", keyFingerprint: "seed")
    let connected = try await attach(server, client, ends, alice, hooks)
    try check("Server.ClientConnected, NewClient, Client.Start", server.sessionCount.connected == 1)

    sendThroughKernel()
    while await server.status().first?.counters["udp_ipv4_packets_up"] == nil {
        try await Task.sleep(for: .milliseconds(5))
    }
    await server.clientDisconnected(connected)
    let isLeft = server.sessionCount == (1, 0) && !connected.isConnected
    try check("Server.ClientDisconnected, MetricsUpdater", isLeft && metrics.load(ordering: .relaxed) > 0)
    try check("FlowActivityUpdater.UpdateProgress", updater.bytes.load(ordering: .relaxed) > 0)
    await clientSetup.undo()
    client.execute { $0.stop() }
    try check("Client.Stop", true)
    await serverSetup.undo()
    await server.stop()
    try check("Server.Stop", server.sessionCount.all == 0)
}

private func attach(
    _ server: PacketTunnelServer,
    _ client: LoopBound<PacketTunnelClient>,
    _ ends: (DescriptorTransport, DescriptorTransport),
    _ identity: SessionIdentity,
    _ hooks: ClientHooks
) async throws -> ConnectedClient {
    try await withCheckedThrowingContinuation { continuation in
        client.execute { client in
            client.start()
            client.connect(ends.1, framing: .psiphon) { _ in }
            continuation.resume(
                with: Result {
                    try server.clientConnected(identity, transport: ends.0, framing: .psiphon, hooks: hooks)
                }
            )
        }
    }
}
