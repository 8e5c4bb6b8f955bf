import EventLoops
import IPPacket
import PacketTunnel

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
