import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Device writer")
struct DeviceWriterTests {
    private final class Fixture {
        let device: MemoryDevice
        let pool = PacketBufferPool()
        var writer: DeviceWriter
        private var memory: [UnsafeMutableRawBufferPointer] = []

        init(supportsOffload: Bool = true, supportsUDPOffload: Bool? = nil) {
            device = MemoryDevice(on: ManualLoop(), supportsOffload: supportsOffload)
            if let supportsUDPOffload { device.supportsUDPOffload = supportsUDPOffload }
            writer = DeviceWriter(device: device, pool: pool)
        }

        deinit { for memory in memory { memory.deallocate() } }

        func write(_ packet: MemoryPacket) throws {
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: packet.bytes.count, alignment: 1)
            copy.copyBytes(from: packet.bytes)
            memory.append(copy)
            writer.write(copy, summary: try Sample.summary(packet.bytes), offload: packet.offload)
        }

        func written() -> [MemoryPacket] {
            writer.flush()
            return device.takeWritten()
        }

        func takeRefusedCount() -> Int { writer.takeDropped()?.packetCount ?? 0 }
    }

    /// Consecutive segments of one TCP connection.
    private static func segments(
        _ version: IPVersion,
        _ count: Int,
        size: Int = 1_000,
        lastSize: Int? = nil,
        port: UInt16 = 40_000
    ) -> [MemoryPacket] {
        (0..<count).map { number in
            let isLast = number == count - 1
            return MemoryPacket(
                PacketBuilder.tcp(
                    source: Sample.local(version),
                    destination: Sample.remote(version),
                    sourcePort: port,
                    sequence: 100 + UInt32(number * size),
                    flags: TCPFlags.ack | (isLast ? TCPFlags.psh : 0),
                    payload: patternBytes(isLast ? lastSize ?? size : size, seed: UInt8(number)),
                    network: PacketBuilder.Network(identification: UInt16(number))
                )
            )
        }
    }

    /// What a segmenting device makes of a super-packet.
    private static func cut(_ packet: MemoryPacket) throws -> [MemoryPacket] {
        guard packet.offload.isSuperPacket else { return [packet] }
        let summary = try Sample.summary(packet.bytes)
        let segmenter = PacketSegmenter(summary: summary, segmentSize: Int(packet.offload.segmentSize))
        return (0..<segmenter.segmentCount).map { index in
            var bytes = [UInt8](repeating: 0, count: segmenter.length(ofSegment: index))
            var span = bytes.mutableSpan
            var output = span.mutableBytes
            _ = segmenter.writeSegment(index, of: packet.bytes.span.bytes, into: &output)
            return MemoryPacket(bytes)
        }
    }

    @Test("packets with partial checksums become the same super-packet as finished ones", arguments: IPVersion.allCases)
    func partialChecksums(_ version: IPVersion) throws {
        let finished = Self.segments(version, 5)
        let (first, second) = (Fixture(), Fixture())
        for packet in finished { try first.write(packet) }
        for var packet in finished {
            Self.makePartial(&packet, version)
            try second.write(packet)
        }
        let written = second.written()
        #expect(written.count == 1 && written[0].offload == PacketOffload(segmentSize: 1_000, checksumIsPartial: true))
        #expect(written == first.written())
    }

    @Test("a partial checksum joins no finished one, and stays what it is", arguments: IPVersion.allCases)
    func mixedChecksums(_ version: IPVersion) throws {
        var packets = Self.segments(version, 3)
        Self.makePartial(&packets[1], version)
        let fixture = Fixture()
        for packet in packets { try fixture.write(packet) }
        #expect(fixture.written() == packets)
    }

    @Test(
        "consecutive segments of a connection are written as one super-packet that stands for them",
        arguments: IPVersion.allCases
    )
    func coalesces(_ version: IPVersion) throws {
        let fixture = Fixture()
        let segments = Self.segments(version, 20, lastSize: 300)
        for segment in segments { try fixture.write(segment) }
        let written = fixture.written()
        #expect(written.map(\.offload) == [PacketOffload(segmentSize: 1_000, checksumIsPartial: true)])
        #expect(try Self.cut(#require(written.first)) == segments)
    }

    @Test("segments of two connections in turn stay what they are, in their order", arguments: IPVersion.allCases)
    func interleaved(_ version: IPVersion) throws {
        let fixture = Fixture()
        let packets = zip(Self.segments(version, 5), Self.segments(version, 5, port: 40_001)).flatMap { [$0, $1] }
        for packet in packets { try fixture.write(packet) }
        #expect(fixture.written() == packets)
    }

    @Test("a run ends at 64 KiB, and the next one begins", arguments: IPVersion.allCases)
    func longRun(_ version: IPVersion) throws {
        let fixture = Fixture()
        let segments = Self.segments(version, 150, size: 1_400)
        for segment in segments { try fixture.write(segment) }
        let written = fixture.written()
        #expect(written.count == 4)
        #expect(try written.flatMap(Self.cut) == segments)
    }

    @Test("order holds across super-packets, runs and single packets", arguments: IPVersion.allCases)
    func order(_ version: IPVersion) throws {
        let fixture = Fixture()
        var superPacket = Self.segments(version, 1, size: 4_000, port: 50_000)[0]
        superPacket.offload = PacketOffload(segmentSize: 1_000, checksumIsPartial: false)
        let single = MemoryPacket(Sample.upstreamUDP(version))
        let runs = [Self.segments(version, 3), Self.segments(version, 2, port: 40_001)]
        for packet in runs[0] + [superPacket] + runs[1] + [single] { try fixture.write(packet) }
        let written = fixture.written()
        #expect(written.count == 4)
        #expect(try written.flatMap(Self.cut) == runs[0] + Self.cut(superPacket) + runs[1] + [single])
    }

    @Test("a device without offloads gets single packets with finished checksums", arguments: IPVersion.allCases)
    func withoutOffload(_ version: IPVersion) throws {
        let fixture = Fixture(supportsOffload: false)
        let segments = Self.segments(version, 4)
        for segment in segments { try fixture.write(segment) }
        #expect(fixture.written() == segments)
        var superPacket = Self.segments(version, 1, size: 4_500)[0]
        Self.makePartial(&superPacket, version)
        superPacket.offload.segmentSize = 1_000
        try fixture.write(superPacket)
        let cut = fixture.written()
        #expect(cut.count == 5)
        #expect(cut.allSatisfy { $0.offload == .none && PacketBuilder.checksumsAreValid($0.bytes) })
        var partial = Self.segments(version, 1)[0]
        Self.makePartial(&partial, version)
        try fixture.write(partial)
        #expect(fixture.written() == Self.segments(version, 1))
    }

    @Test("a device with offloads for TCP alone gets datagrams one by one", arguments: IPVersion.allCases)
    func withoutUDPOffload(_ version: IPVersion) throws {
        let fixture = Fixture(supportsUDPOffload: false)
        let datagram = MemoryPacket(Sample.upstreamUDP(version))
        let segments = Self.segments(version, 4)
        try fixture.write(segments[0])
        try fixture.write(segments[1])
        for _ in 0..<3 { try fixture.write(datagram) }
        var partial = datagram
        Self.makePartial(&partial, version)
        try fixture.write(partial)
        try fixture.write(segments[2])
        try fixture.write(segments[3])
        let written = fixture.written()
        #expect(written.map(\.offload.segmentSize) == [1_000, 0, 0, 0, 0, 1_000])
        #expect(Array(written[1...4]) == Array(repeating: datagram, count: 4))
    }

    @Test("packets that the device refuses are counted, as many as were sent")
    func refused() throws {
        let fixture = Fixture()
        fixture.device.capacity = 0
        for segment in Self.segments(.v4, 10) { try fixture.write(segment) }
        try fixture.write(MemoryPacket(Sample.upstreamUDP(.v6)))
        #expect(fixture.written().isEmpty)
        #expect(fixture.takeRefusedCount() == 11)
        #expect(fixture.takeRefusedCount() == 0)
    }

    private static func makePartial(_ packet: inout MemoryPacket, _ version: IPVersion) {
        let isUDP = packet.bytes[version == .v4 ? 9 : 6] == 17
        let offset = (version == .v4 ? 20 : 40) + (isUDP ? 6 : 16)
        let sum = PacketBuilder.pseudoHeaderSum(packet.bytes)
        (packet.bytes[offset], packet.bytes[offset + 1]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        packet.offload.checksumIsPartial = true
    }

    // MARK: Through the whole server

    @Test(
        "a client's segments that arrive in one turn reach the device as one super-packet",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func upstreamRun(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        // A turn without bytes, from which on packets may wait for the end of one.
        connection.transport.deliverTogether([])
        connection.sendTogether(Self.segments(version, 20).map(\.bytes))
        let written = harness.device.takeWritten()
        #expect(written.map(\.offload) == [PacketOffload(segmentSize: 1_000, checksumIsPartial: true)])
        let cut = try Self.cut(#require(written.first))
        #expect(cut.count == 20)
        #expect(cut.allSatisfy { PacketBuilder.checksumsAreValid($0.bytes) })
        #expect(harness.counters().carried(.upstream, version, .tcp).packets == 20)
    }

    @Test("what openSSH collects before the connection ends still reaches the device", arguments: IPVersion.allCases)
    func upstreamRunBeforeTheEnd(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: .openSSH)
        harness.runAll()
        connection.transport.deliverTogether([])
        let frames = Self.segments(version, 4).prefix(3).map { MemoryFrames.frame($0.bytes, as: .openSSH) }
        connection.transport.deliverTogether(frames + [[1]])
        #expect(connection.transport.isClosed)
        #expect(try Self.cut(#require(harness.device.takeWritten().first)).count == 3)
    }

    @Test(
        "super-packets go whole between gso and the device, and count as the packets that they stand for",
        arguments: IPVersion.allCases
    )
    func wholeBothWays(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: .gso)
        harness.runAll()
        var up = Self.segments(version, 1, size: 60_000)[0]
        Self.makePartial(&up, version)
        up.offload.segmentSize = 1_400
        connection.send(up.bytes, offload: up.offload)
        let written = try #require(harness.device.takeWritten().first)
        #expect(written.offload == up.offload)
        #expect(try Self.cut(written).allSatisfy { PacketBuilder.checksumsAreValid($0.bytes) })
        var down = MemoryPacket(
            PacketBuilder.tcp(
                source: Sample.remote(version),
                destination: try harness.address(version),
                sourcePort: 443,
                destinationPort: 40_000,
                payload: patternBytes(60_000)
            )
        )
        Self.makePartial(&down, version)
        down.offload.segmentSize = 1_400
        harness.device.inject([down])
        let received = try #require(try connection.received().first)
        #expect(received.offload == down.offload)
        #expect(try Self.cut(received).allSatisfy { PacketBuilder.checksumsAreValid($0.bytes) })
        for direction in PacketDirection.allCases {
            let carried = harness.counters().carried(direction, version, .tcp)
            #expect(carried.packets == 43)
            #expect(carried.applicationBytes == 60_000)
            #expect(carried.bytes == 60_000 + 43 * (version == .v4 ? 40 : 60))
        }
    }

    @Test(
        "a super-packet from the device is cut for clients of the other framings",
        arguments: IPVersion.allCases,
        [ChannelFraming.psiphon, .openSSH]
    )
    func cutDownstream(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        connection.send(Sample.upstreamUDP(version))
        var down = MemoryPacket(
            PacketBuilder.tcp(
                source: Sample.remote(version),
                destination: try harness.address(version),
                payload: patternBytes(30_000)
            )
        )
        Self.makePartial(&down, version)
        down.offload.segmentSize = 1_400
        harness.device.inject([down])
        let received = try connection.received()
        #expect(received.count == 22)
        #expect(received.allSatisfy { PacketBuilder.checksumsAreValid($0.bytes) })
        let destinations = Set(try received.map { try Sample.summary($0.bytes).destination })
        #expect(destinations == [Sample.local(version)])
    }
}
