import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Channel sender")
struct ChannelSenderTests {
    /// A sender, and the transport that it sends to.
    private final class Fixture {
        let framing: ChannelFraming
        let pool = PacketBufferPool()
        let transport: MemoryTransport
        var sender: ChannelSender

        init(
            _ framing: ChannelFraming,
            preferredWriteSize: Int = 32_758,
            writableByteCount: Int = .max,
            limit: Int = 4 << 20
        ) {
            self.framing = framing
            transport = MemoryTransport(
                on: ManualLoop(),
                preferredWriteSize: preferredWriteSize,
                writableByteCount: writableByteCount
            )
            sender = ChannelSender(framing: framing, pool: pool, queueLimitInBytes: limit)
        }

        deinit { sender.removeAll() }

        func enqueue(_ packet: MemoryPacket) throws {
            let summary = try Sample.summary(packet.bytes)
            var buffer = pool.takeLarge()
            buffer.length = packet.bytes.count
            buffer.offload = packet.offload
            buffer.bytes.copyBytes(from: packet.bytes)
            pool.release(sender.enqueue(buffer, summary: summary, now: 0))
        }

        func flush() { sender.flush(to: transport, now: 0) }

        func packets() throws -> [MemoryPacket] {
            try #require(MemoryFrames.packets(in: transport.takeMessages(), as: framing))
        }
    }

    private func packets(_ count: Int, size: Int, port: UInt16 = 40_000) -> [MemoryPacket] {
        (0..<count).map { number in
            let payload = [UInt8(number >> 8), UInt8(number & 0xff)] + patternBytes(size)
            return MemoryPacket(Sample.upstreamUDP(.v4, sourcePort: port, payload: payload))
        }
    }

    @Test("small packets are gathered into messages that are nearly full", arguments: [ChannelFraming.psiphon, .gso])
    func gathers(_ framing: ChannelFraming) throws {
        let fixture = Fixture(framing)
        let packets = packets(500, size: 400)
        for packet in packets { try fixture.enqueue(packet) }
        fixture.flush()
        let messages = fixture.transport.takeMessages()
        let frameLength = packets[0].bytes.count + framing.headerLength
        #expect(messages.allSatisfy { $0.count <= 32_758 })
        #expect(messages.dropLast().allSatisfy { $0.count > 32_758 - frameLength })
        #expect(MemoryFrames.packets(in: messages, as: framing) == packets)
    }

    @Test("over openSSH each packet is one message of its own")
    func oneMessagePerPacket() throws {
        let fixture = Fixture(.openSSH)
        let packets = packets(20, size: 100)
        for packet in packets { try fixture.enqueue(packet) }
        fixture.flush()
        let messages = fixture.transport.takeMessages()
        #expect(messages == packets.map { MemoryFrames.frame($0.bytes, as: .openSSH) })
    }

    @Test(
        "a large buffer of the transport is no reason to gather more than fits one of ours",
        arguments: [65_536, 65_553, 100_000, 1 << 20],
        [ChannelFraming.psiphon, .gso]
    )
    func hugeMessages(_ size: Int, _ framing: ChannelFraming) throws {
        let fixture = Fixture(framing, preferredWriteSize: size)
        let packets = packets(600, size: 1_400)
        for packet in packets { try fixture.enqueue(packet) }
        fixture.flush()
        #expect(try fixture.packets() == packets)
    }

    @Test("no more is written than the transport allows, and nothing is lost", arguments: [1, 3, 700, 1_500, 40_000])
    func respectsAllowance(_ step: Int) throws {
        for framing in [ChannelFraming.psiphon, .gso] {
            let fixture = Fixture(framing, writableByteCount: 0)
            let packets = packets(step < 100 ? 4 : 30, size: 600)
            for packet in packets { try fixture.enqueue(packet) }
            fixture.flush()
            #expect(fixture.transport.writtenCount == 0)
            var allowed = 0
            let total = packets.reduce(0) { $0 + $1.bytes.count + framing.headerLength }
            while allowed < total {
                fixture.transport.allow(step)
                allowed += step
                fixture.flush()
                #expect(fixture.transport.writtenByteCount == min(allowed, total))
            }
            #expect(try fixture.packets() == packets)
        }
    }

    @Test("a transport that takes less than it promised gets the rest later", arguments: [1, 7, 1_000])
    func shortWrites(_ limit: Int) throws {
        let fixture = Fixture(.psiphon)
        fixture.transport.shortWriteLimit = limit
        let packets = packets(10, size: 500)
        for packet in packets { try fixture.enqueue(packet) }
        fixture.flush()
        #expect(try fixture.packets() == packets)
    }

    @Test("over openSSH a packet waits until the transport takes all of it")
    func wholeMessages() throws {
        let fixture = Fixture(.openSSH, writableByteCount: 500)
        let packets = packets(2, size: 600)
        for packet in packets { try fixture.enqueue(packet) }
        fixture.flush()
        #expect(fixture.transport.writtenCount == 0)
        fixture.transport.allow(10_000)
        fixture.flush()
        #expect(try fixture.packets() == packets)
    }

    @Test("over openSSH a packet that fits no message of the transport is dropped and counted, and the next one goes")
    func tooLongForMessage() throws {
        let fixture = Fixture(.openSSH, preferredWriteSize: 512)
        let small = packets(1, size: 100)
        for packet in packets(3, size: 600) + small { try fixture.enqueue(packet) }
        fixture.flush()
        #expect(try fixture.packets() == small)
        #expect(fixture.sender.takeDropped()?.packetCount == 3)
        #expect(fixture.sender.takeDropped() == nil)
    }

    // MARK: Super-packets

    private static func superPacket(_ version: IPVersion, count: Int = 10_000, size: UInt16 = 1_000) -> MemoryPacket {
        var bytes = PacketBuilder.tcp(
            source: Sample.remote(version),
            destination: Sample.local(version),
            sequence: 7,
            flags: TCPFlags.ack | TCPFlags.psh,
            payload: patternBytes(count)
        )
        let offset = (version == .v4 ? 20 : 40) + 16
        let sum = PacketBuilder.pseudoHeaderSum(bytes)
        (bytes[offset], bytes[offset + 1]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        return MemoryPacket(bytes, offload: PacketOffload(segmentSize: size, checksumIsPartial: true))
    }

    @Test("over gso a super-packet goes whole", arguments: IPVersion.allCases)
    func whole(_ version: IPVersion) throws {
        let fixture = Fixture(.gso)
        let packet = Self.superPacket(version)
        try fixture.enqueue(packet)
        fixture.flush()
        #expect(try fixture.packets() == [packet])
    }

    @Test(
        "over the other framings a super-packet goes as the segments that it stands for",
        arguments: IPVersion.allCases,
        [ChannelFraming.psiphon, .openSSH]
    )
    func segmented(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let fixture = Fixture(framing)
        let packet = Self.superPacket(version, count: 9_500)
        try fixture.enqueue(packet)
        fixture.flush()
        let segments = try fixture.packets()
        let headerLength = version == .v4 ? 40 : 60
        #expect(segments.map(\.bytes.count) == Array(repeating: headerLength + 1_000, count: 9) + [headerLength + 500])
        for (number, segment) in segments.enumerated() {
            #expect(segment.offload == .none)
            #expect(PacketBuilder.checksumsAreValid(segment.bytes))
            let expected = PacketBuilder.tcp(
                source: Sample.remote(version),
                destination: Sample.local(version),
                sequence: 7 + UInt32(number) * 1_000,
                flags: TCPFlags.ack | (number == 9 ? TCPFlags.psh : 0),
                payload: Array(patternBytes(9_500)[(number * 1_000)...].prefix(1_000)),
                network: PacketBuilder.Network(identification: UInt16(number))
            )
            #expect(segment.bytes == expected)
        }
    }

    @Test("segments smaller than frames may ask for are cut before they are sent, also over gso")
    func smallSegments() throws {
        let fixture = Fixture(.gso)
        try fixture.enqueue(Self.superPacket(.v4, count: 1_000, size: 200))
        fixture.flush()
        let segments = try fixture.packets()
        #expect(segments.count == 5)
        #expect(segments.allSatisfy { $0.offload == .none && PacketBuilder.checksumsAreValid($0.bytes) })
    }

    @Test("a super-packet of one segment is sent as a plain packet", arguments: IPVersion.allCases, [700, 1_000])
    func oneSegment(_ version: IPVersion, _ count: Int) throws {
        let fixture = Fixture(.gso)
        try fixture.enqueue(Self.superPacket(version, count: count))
        fixture.flush()
        let packet = try #require(try fixture.packets().first)
        #expect(packet.offload == PacketOffload(segmentSize: 0, checksumIsPartial: true))
    }

    @Test("a partial checksum is finished where the framing cannot say so", arguments: IPVersion.allCases)
    func partialChecksum(_ version: IPVersion) throws {
        for framing in ChannelFraming.allCases {
            let fixture = Fixture(framing)
            var packet = Self.superPacket(version, count: 900)
            packet.offload.segmentSize = 0
            try fixture.enqueue(packet)
            fixture.flush()
            let sent = try #require(try fixture.packets().first)
            if framing == .gso {
                #expect(sent == packet)
            } else {
                #expect(PacketBuilder.checksumsAreValid(sent.bytes))
            }
        }
    }
}
