internal import IPPacket
internal import Logging
internal import PacketTunnel
internal import PacketTunnelTestKit

/// The whole of the server's work on a packet, between a transport and a device that cost next to nothing.
enum ServerBenchmarks {
    static func all() throws -> [MicroBenchmark] {
        try IPVersion.allCases.flatMap { version in
            try [upstreamSegments, upstreamDatagrams, downstreamSuperPackets, downstreamDatagrams].flatMap { make in
                try ChannelFraming.allCases.map { try make($0, version) }
            } + [try upstreamSuperPackets(version)]
        }
    }

    // MARK: Upstream

    private static func upstreamSegments(_ framing: ChannelFraming, _ version: IPVersion) throws -> MicroBenchmark {
        let packets = SamplePackets.segments(from: SamplePackets.local(version), to: SamplePackets.remote(version))
        return try upstream("segments", packets.map { MemoryPacket($0) }, framing, version)
    }

    private static func upstreamDatagrams(_ framing: ChannelFraming, _ version: IPVersion) throws -> MicroBenchmark {
        let packet = SamplePackets.datagram(from: SamplePackets.local(version), to: SamplePackets.remote(version))
        return try upstream("datagrams", Array(repeating: MemoryPacket(packet), count: 64), framing, version)
    }

    private static func upstreamSuperPackets(_ version: IPVersion) throws -> MicroBenchmark {
        let packet = SamplePackets.superPacket(from: SamplePackets.local(version), to: SamplePackets.remote(version))
        return try upstream("super-packets", [packet], .gso, version)
    }

    private static func upstream(
        _ what: String,
        _ packets: [MemoryPacket],
        _ framing: ChannelFraming,
        _ version: IPVersion
    ) throws -> MicroBenchmark {
        let server = try BenchServer(framing)
        let frames = packets.map { MemoryFrames.frame($0.bytes, offload: $0.offload, as: framing) }
        let messages = framing == .openSSH ? frames : [Array(frames.joined())]
        let benchmark = MicroBenchmark(
            name: "upstream \(framing.shortName), \(what), \(version)",
            packets: packets.count,
            bytesPerPacket: packets[0].bytes.count
        ) {
            server.transport.deliverTogether(messages)
        }
        let before = server.device.writtenByteCount
        benchmark.body()
        // Joined packets share their headers.
        let expected = packets.reduce(0) { $0 + $1.bytes.count - 72 }
        return try checked(benchmark, carried: server.device.writtenByteCount - before, atLeast: expected)
    }

    // MARK: Downstream

    private static func downstreamSuperPackets(
        _ framing: ChannelFraming,
        _ version: IPVersion
    ) throws -> MicroBenchmark {
        let server = try BenchServer(framing)
        let target = try server.learn(version)
        let packet = SamplePackets.superPacket(from: SamplePackets.remote(version), to: target)
        // Where the framing knows only single packets, the segments are what is counted.
        let count = framing == .gso ? 1 : SamplePackets.segmentCount
        return MicroBenchmark(
            name: "downstream \(framing.shortName), super-packets, \(version)",
            packets: count,
            bytesPerPacket: packet.bytes.count / count
        ) {
            server.device.inject(packet, count: 1)
        }
    }

    private static func downstreamDatagrams(_ framing: ChannelFraming, _ version: IPVersion) throws -> MicroBenchmark {
        let server = try BenchServer(framing)
        let target = try server.learn(version)
        let packet = MemoryPacket(SamplePackets.datagram(from: SamplePackets.remote(version), to: target))
        return try downstream("datagrams", packet, count: 64, segments: 1, server, version)
    }

    private static func downstream(
        _ what: String,
        _ packet: MemoryPacket,
        count: Int,
        segments: Int,
        _ server: BenchServer,
        _ version: IPVersion
    ) throws -> MicroBenchmark {
        let benchmark = MicroBenchmark(
            name: "downstream \(server.framing.shortName), \(what), \(version)",
            packets: count * segments,
            bytesPerPacket: packet.bytes.count / segments
        ) {
            server.device.inject(packet, count: count)
        }
        let before = server.transport.writtenByteCount
        benchmark.body()
        let carried = server.transport.writtenByteCount - before
        return try checked(benchmark, carried: carried, atLeast: packet.bytes.count * count)
    }

    /// The benchmark, if it does what it is to measure: what is refused is cheap.
    private static func checked(
        _ benchmark: MicroBenchmark,
        carried: Int,
        atLeast expected: Int
    ) throws -> MicroBenchmark {
        guard carried >= expected else {
            throw Lab.Failure(description: "\(benchmark.name): \(carried) of \(expected) bytes came through")
        }
        return benchmark
    }
}

/// A server with one client, on memory.
private final class BenchServer {
    let loop = ManualLoop()
    let device: MemoryDevice
    let transport: MemoryTransport
    private let server: PacketTunnelServer
    let framing: ChannelFraming

    init(_ framing: ChannelFraming) throws {
        self.framing = framing
        device = MemoryDevice(on: loop)
        transport = MemoryTransport(on: loop)
        transport.poisonsMemory = false
        transport.recordsMessages = false
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        server = try PacketTunnelServer(
            configuration: ServerConfiguration(),
            lanes: [.init(loop: loop, device: device)],
            logger: logger
        )
        server.start()
        loop.run()
        let identity = SessionIdentity(user: "bench", keyFingerprint: "SHA256:bench")
        try loop.perform { () throws in
            try server.clientConnected(identity, transport: transport, framing: framing)
        }
        loop.run()
        device.recordsPackets = false
    }

    /// Lets the server see the client's own address.
    ///
    /// - Returns: the address that it has assigned.
    func learn(_ version: IPVersion) throws -> IPAddress {
        device.recordsPackets = true
        defer { device.recordsPackets = false }
        let packet = SamplePackets.datagram(from: SamplePackets.local(version), to: SamplePackets.remote(version))
        transport.deliver(MemoryFrames.frame(packet, as: framing))
        guard let written = device.takeWritten().first else {
            throw Lab.Failure(description: "the server let nothing through")
        }
        return try PacketSummary(validating: written.bytes.span.bytes).source
    }
}

extension ChannelFraming {
    fileprivate var shortName: String {
        switch self {
        case .psiphon: "psiphon"
        case .openSSH: "openssh"
        case .gso: "gso"
        }
    }
}
