import EventLoops
import Glibc
import IPPacket
import LinuxNetwork
import Logging
import PacketTunnel
import Synchronization

func constants() throws {
    try check("DEFAULT_MTU", TunnelDefaults.mtu == 1_500)
    try check("DEFAULT_DOWNSTREAM_PACKET_QUEUE_SIZE", TunnelDefaults.downstreamQueueLimitInBytes > 0)
    try check("DEFAULT_UPSTREAM_PACKET_QUEUE_SIZE", TunnelDefaults.upstreamQueueLimitInBytes > 0)
    try check("DEFAULT_IDLE_SESSION_EXPIRY_SECONDS", TunnelDefaults.sessionExpiry == .seconds(300))
    try check("ORPHAN_METRICS_CHECKPOINTER_PERIOD", TunnelDefaults.orphanMetricsPeriod == .seconds(1_800))
    try check("FLOW_IDLE_EXPIRY", TunnelDefaults.flowIdleExpiry == .seconds(60))
    let pool = try AddressPool(ipv4: TunnelDefaults.ipv4Pool, ipv6: TunnelDefaults.ipv6Pool)
    let resolvers = pool.transparentDNSAddresses
    try check("GetTransparentDNSResolverIPv4Address", resolvers.ipv4.isIPv4)
    try check("GetTransparentDNSResolverIPv6Address", !resolvers.ipv6.isIPv4)
    try check("IsSupported", TunDevice.isSupported)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    try HostNetwork.bindToDevice(descriptor, "lo")
    try check("BindToDevice", true)
}

/// A transport belongs to its loop, and so does making one.
func transport(_ descriptor: Int32, _ loop: EventLoop) async throws -> DescriptorTransport {
    try await withCheckedThrowingContinuation { continuation in
        loop.execute {
            continuation.resume(
                with: Result { try DescriptorTransport(input: descriptor, output: descriptor, loop: loop) }
            )
        }
    }
}

func channel(_ loop: EventLoop) async throws {
    let (near, far) = socketPair()
    let one = PacketChannel(transport: try await transport(near, loop))
    let other = PacketChannel(transport: try await transport(far, loop))
    for version in IPVersion.allCases {
        try await one.writePacket(datagram(version))
        try check(
            "Channel.WritePacket, Channel.ReadPacket (\(version))",
            try await other.readPacket() == datagram(version)
        )
    }
    let waiting = PacketQueue()
    waiting.enqueue(datagram(.v4))
    waiting.enqueue(datagram(.v6))
    guard let frames = await waiting.dequeueFramedPackets() else { throw Failed(what: "DequeueFramedPackets") }
    try await one.writeFramedPackets(frames)
    var arrived: [[UInt8]] = []
    for await packet in other.packets {
        arrived.append(packet)
        if arrived.count == 2 { break }
    }
    try check("Channel.WriteFramedPackets", arrived.count == 2)
    async let reading = try? one.readPacket()
    one.close()
    try check("Channel.Close", await reading == nil)
}

func queue() async throws {
    let queue = PacketQueue(limitInBytes: TunnelDefaults.downstreamQueueLimitInBytes)
    try check("PacketQueue.Enqueue", queue.enqueue(datagram(.v4)))
    let frames = await queue.dequeueFramedPackets()
    try check("PacketQueue.DequeueFramedPackets", frames?.count == datagram(.v4).count + 2)
    if let frames { queue.replace(frames) }
    try check("PacketQueue.Replace", true)
}

func nonblocking(_ loop: EventLoop) async throws {
    let (near, far) = socketPair(SOCK_SEQPACKET)
    let one = try NonblockingIO(descriptor: near, loop: loop)
    let other = try NonblockingIO(descriptor: far, loop: loop)
    try await one.write([1, 2, 3])
    try check("NonblockingIO.Write, NonblockingIO.Read", try await other.read() == [1, 2, 3])
    async let reading = try? other.read()
    await other.close()
    try check("NonblockingIO.Close", await reading == nil)
    try check("NonblockingIO.IsClosed", other.isClosed && !one.isClosed)
    await one.close()
    for descriptor in [near, far] { close(descriptor) }
}
