import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Frame decoder")
struct FrameDecoderTests {
    private static let packets: [MemoryPacket] = [
        MemoryPacket(Sample.upstreamUDP(.v4)),
        MemoryPacket([0x45]),
        MemoryPacket(Sample.upstreamUDP(.v6, payload: patternBytes(40))),
    ]
    private static let superPacket = MemoryPacket(
        PacketBuilder.tcp(source: Sample.local(.v4), destination: Sample.remote(.v4), payload: patternBytes(3_000)),
        offload: PacketOffload(segmentSize: 1_000, checksumIsPartial: true)
    )

    /// Feeds pieces to a decoder, each in memory of its own that is wiped afterwards.
    private func decode(
        _ pieces: [[UInt8]],
        _ framing: ChannelFraming,
        mtu: Int = 1_500
    ) throws -> [MemoryPacket] {
        let pool = PacketBufferPool()
        var decoder = FrameDecoder(framing: framing, mtu: mtu, pool: pool)
        defer { decoder.removeAll() }
        var found: [MemoryPacket] = []
        // The packets are looked at as late as the contract permits: when `flush` is called.
        var pending: [(UnsafeMutableRawBufferPointer, PacketOffload)] = []
        func flush() {
            found += pending.map { MemoryPacket(Array($0.0), offload: $0.1) }
            pending = []
        }
        for piece in pieces {
            var memory = piece
            try memory.withUnsafeMutableBytes { (buffer) throws in
                try decoder.decode(buffer) {
                    pending.append(($0, $1))
                } flush: {
                    flush()
                }
                #expect(pending.isEmpty || framing == .openSSH)
                buffer.initializeMemory(as: UInt8.self, repeating: 0xdd)
            }
        }
        decoder.finish { flush() }
        #expect(pending.isEmpty)
        return found
    }

    private func stream(_ packets: [MemoryPacket], _ framing: ChannelFraming) -> [UInt8] {
        packets.flatMap { MemoryFrames.frame($0.bytes, offload: $0.offload, as: framing) }
    }

    @Test("a stream cut in two at any place gives the same packets", arguments: [ChannelFraming.psiphon, .gso])
    func everySplit(_ framing: ChannelFraming) throws {
        let packets = framing == .gso ? Self.packets + [Self.superPacket] + Self.packets : Self.packets
        let bytes = stream(packets, framing)
        for cut in 0...bytes.count {
            #expect(try decode([Array(bytes[..<cut]), Array(bytes[cut...])], framing) == packets, "cut at \(cut)")
        }
    }

    @Test(
        "a short stream cut in three at any two places gives the same packets",
        arguments: [ChannelFraming.psiphon, .gso]
    )
    func everyTwoSplits(_ framing: ChannelFraming) throws {
        let packets = [MemoryPacket([0x45, 1, 2]), MemoryPacket([0x60]), MemoryPacket(Array(0..<9))]
        let bytes = stream(packets, framing)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                #expect(try decode(pieces, framing) == packets)
            }
        }
    }

    @Test("a stream delivered byte by byte gives the same packets", arguments: [ChannelFraming.psiphon, .gso])
    func byteByByte(_ framing: ChannelFraming) throws {
        let packets = framing == .gso ? [Self.superPacket] + Self.packets : Self.packets
        #expect(try decode(stream(packets, framing).map { [$0] }, framing) == packets)
    }

    @Test("the longest frame passes, cut anywhere", arguments: [ChannelFraming.psiphon, .gso])
    func longest(_ framing: ChannelFraming) throws {
        let packet = MemoryPacket(patternBytes(65_535))
        let bytes = stream([packet, packet], framing)
        for cut in [0, 1, 5, 6, 7, 40_000, 65_536, 65_541, 65_542, 131_000] {
            #expect(
                try decode([Array(bytes[..<cut]), Array(bytes[cut...])], framing, mtu: 65_535) == [packet, packet]
            )
        }
    }

    @Test("one message of openSSH is one packet", arguments: IPVersion.allCases)
    func messages(_ version: IPVersion) throws {
        let packet = MemoryPacket(Sample.upstreamUDP(version))
        #expect(try decode([stream([packet], .openSSH), stream([packet], .openSSH)], .openSSH) == [packet, packet])
    }

    @Test("more messages of openSSH in one turn than fit into memory are all packets, in order")
    func manyMessages() throws {
        let packets = (0..<200).map { MemoryPacket([0x45] + patternBytes(1_000 + $0)) }
        #expect(try decode(packets.map { stream([$0], .openSSH) }, .openSSH) == packets)
    }

    private static let brokenStreams: [(ChannelFraming, [UInt8], FramingError)] = [
        (.psiphon, [0, 0], .emptyFrame),
        (.psiphon, [0, 0, 1, 2, 3], .emptyFrame),
        (.psiphon, [5, 221, 0x45], .frameTooLong(length: 1_501, limit: 1_500)),
        (.psiphon, [0xff, 0xff], .frameTooLong(length: 65_535, limit: 1_500)),
        (.gso, [0, 0, 0, 0, 0, 0], .emptyFrame),
        (.gso, [0, 1, 2, 0, 0, 0, 0x45], .unknownFlags(2)),
        (.gso, [0, 1, 0xff, 0, 0, 0, 0x45], .unknownFlags(0xff)),
        (.openSSH, [], .messageTooShort(0)),
        (.openSSH, [0, 0, 0, 2], .messageTooShort(4)),
        (.openSSH, [0, 0, 0, 10, 0x45], .unknownAddressFamily(10)),
        (.openSSH, [2, 0, 0, 0, 0x45], .unknownAddressFamily(0x0200_0000)),
        (.openSSH, [0, 0, 0, 2] + [UInt8](repeating: 0x45, count: 1_501), .frameTooLong(length: 1_501, limit: 1_500)),
    ]

    @Test("what cannot be delimited is an error, whole or in pieces", arguments: brokenStreams.indices)
    func hostile(_ number: Int) throws {
        let (framing, bytes, error) = Self.brokenStreams[number]
        #expect(throws: error) { try decode([bytes], framing) }
        guard framing != .openSSH else { return }
        #expect(throws: error) { try decode(bytes.map { [$0] }, framing) }
    }

    @Test(
        "a broken frame ends the channel with a logged reason, and counts",
        arguments: brokenStreams.indices
    )
    func endsChannel(_ number: Int) throws {
        let (framing, bytes, error) = Self.brokenStreams[number]
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        connection.transport.deliver(bytes)
        #expect(connection.transport.isClosed)
        #expect(harness.counters().refused(.upstream, .invalidFrame) == 1)
        #expect(harness.log.lines("client disconnected").first?["reason"] == "broken framing: \(error)")
        #expect(harness.server.sessionCount == (1, 0))
    }

    @Test("packets before a broken frame reach the device, as they were", arguments: [ChannelFraming.psiphon, .gso])
    func packetsBeforeBrokenFrame(_ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let broken = try harness.connect(framing: framing)
        let other = try harness.connect(Sample.bob, framing: framing)
        harness.runAll()
        // A packet that the writer holds back, since more of its flow might follow.
        let packet = PacketBuilder.tcp(
            source: Sample.local(.v4),
            destination: Sample.remote(.v4),
            payload: patternBytes(1_000)
        )
        let empty = [UInt8](repeating: 0, count: framing.headerLength)
        broken.transport.deliver(MemoryFrames.frame(packet, as: framing) + empty)
        other.send(Sample.upstreamUDP(.v6))
        let written = harness.device.takeWritten()
        #expect(written.count == 2)
        #expect(written.allSatisfy { PacketBuilder.checksumsAreValid($0.bytes) })
        #expect(written.first?.bytes.suffix(1_000) == packet.suffix(1_000))
    }

    @Test("random bytes never do more than end the channel", arguments: ChannelFraming.allCases)
    func random(_ framing: ChannelFraming) throws {
        var generator = SeededGenerator(seed: 77)
        for _ in 0..<300 {
            var pieces: [[UInt8]] = []
            for _ in 0..<8 {
                var piece = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                // Often enough a length that could be one.
                if piece.count > 2, Bool.random(using: &generator) { (piece[0], piece[1]) = (0, 40) }
                pieces.append(piece)
            }
            _ = try? decode(pieces, framing)
        }
    }

    /// How many packets wait for `flush` after each of three messages.
    private func waiting(afterFirstTurn tellsTurns: Bool) throws -> [Int] {
        let pool = PacketBufferPool()
        var decoder = FrameDecoder(framing: .openSSH, mtu: 1_500, pool: pool)
        defer { decoder.removeAll() }
        var count = 0
        var counts: [Int] = []
        if tellsTurns { decoder.finish {} }
        for packet in Self.packets {
            var message = MemoryFrames.frame(packet.bytes, as: .openSSH)
            try message.withUnsafeMutableBytes { (buffer) throws in
                try decoder.decode(buffer) { _, _ in
                    count += 1
                } flush: {
                    count = 0
                }
            }
            counts.append(count)
        }
        return counts
    }

    @Test("no packet waits for a transport that has not told yet when a turn is over")
    func silentTransport() throws {
        #expect(try waiting(afterFirstTurn: false) == [0, 0, 0])
        #expect(try waiting(afterFirstTurn: true) == [1, 2, 3], "once it has, they travel together")
    }
}
