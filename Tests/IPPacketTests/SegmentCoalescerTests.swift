import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct SegmentCoalescerTests {
    @Test("puts together again what the segmenter cut, TCP", arguments: Ends.both)
    func inverseOfTCPSegmentation(_ ends: Ends) throws {
        var random = SeededGenerator(seed: 20)
        for _ in 0..<60 {
            let size = Int.random(in: 256...1_400, using: &random)
            let payload = random.bytes(Int.random(in: (size + 1)...min(size * 40, 60_000), using: &random))
            let flags: [UInt8] = [0, TCPFlags.psh, TCPFlags.fin, TCPFlags.psh | TCPFlags.fin]
            let packet = PacketBuilder.tcp(
                source: ends.source,
                destination: ends.destination,
                sequence: UInt32.random(in: 0...0xffff_ffff, using: &random),
                flags: TCPFlags.ack | (flags.randomElement(using: &random) ?? 0),
                options: random.bytes(4 * Int.random(in: 0...10, using: &random)),
                payload: payload,
                network: .init(
                    identification: UInt16.random(in: 0...0xffff, using: &random),
                    dontFragment: Bool.random(using: &random)
                )
            )
            try expectIdentity(packet, size: size)
        }
    }

    @Test("puts together again what the segmenter cut, UDP", arguments: Ends.both)
    func inverseOfUDPSegmentation(_ ends: Ends) throws {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<60 {
            let size = Int.random(in: 1...1_400, using: &random)
            let payload = random.bytes(Int.random(in: (size + 1)...min(size * 64, 60_000), using: &random))
            let packet = PacketBuilder.udp(
                source: ends.source,
                destination: ends.destination,
                payload: payload,
                network: .init(identification: UInt16.random(in: 0...0xffff, using: &random))
            )
            try expectIdentity(packet, size: size)
        }
    }

    @Test("announces the size and a partial checksum that the kernel would accept", arguments: Ends.both)
    func announces(_ ends: Ends) throws {
        let run = try coalesced(row(ends, count: 3))
        let joined = try #require(run.first)
        #expect(run.count == 1 && joined.segmentCount == 3)
        #expect(joined.offload == PacketOffload(segmentSize: 300, checksumIsPartial: true))
        #expect(try validated(joined.bytes) == joined.summary)
        #expect(throws: Never.self) { try joined.offload.validate(summary: joined.summary, mtu: 1_500) }
    }

    @Test("leaves a packet that nothing follows as it is", arguments: Ends.both)
    func alone(_ ends: Ends) throws {
        let packet = row(ends, count: 1)
        let run = try coalesced(packet)
        #expect(run.map(\.bytes) == packet)
        #expect(run.map(\.offload) == [.none])
    }

    @Test("ends a run with a shorter packet, a PSH or a FIN", arguments: Ends.both)
    func closes(_ ends: Ends) throws {
        #expect(try counts(row(ends, count: 4) { $0 == 1 ? .init(length: 299) : .init() }) == [2, 2])
        #expect(try counts(row(ends, count: 4) { $0 == 1 ? .init(flags: TCPFlags.psh) : .init() }) == [2, 2])
        #expect(try counts(row(ends, count: 4) { $0 == 1 ? .init(flags: TCPFlags.fin) : .init() }) == [2, 2])
        let run = try coalesced(row(ends, count: 2) { $0 == 1 ? .init(flags: TCPFlags.psh) : .init() })
        #expect(run.first?.summary.tcpFlags == TCPFlags.ack | TCPFlags.psh)
    }

    @Test("does not join a longer packet, an empty one, or one out of order", arguments: Ends.both)
    func keepsOrder(_ ends: Ends) throws {
        #expect(try counts(row(ends, count: 2) { .init(length: 300 + $0) }) == [1, 1])
        #expect(try counts(row(ends, count: 2) { .init(length: 300 - 300 * $0) }) == [1, 1])
        let packets = row(ends, count: 3)
        #expect(try counts([packets[0], packets[2]]) == [1, 1])
        #expect(try counts([packets[1], packets[0]]) == [1, 1])
        #expect(try counts([packets[0], packets[0]]) == [1, 1])
    }

    @Test("sends packets with telling flags alone", arguments: Ends.both)
    func flags(_ ends: Ends) throws {
        for flag in [TCPFlags.syn, TCPFlags.rst, TCPFlags.urg, TCPFlags.cwr, TCPFlags.psh, TCPFlags.fin] {
            #expect(try counts(row(ends, count: 3) { $0 == 0 ? .init(flags: flag) : .init() }) == [1, 2])
        }
        for flag in [TCPFlags.syn, TCPFlags.rst, TCPFlags.urg, TCPFlags.cwr, TCPFlags.ece] {
            #expect(try counts(row(ends, count: 2) { $0 == 1 ? .init(flags: flag) : .init() }) == [1, 1])
        }
    }

    @Test("does not start with small TCP segments, but with small datagrams", arguments: Ends.both)
    func smallSegments(_ ends: Ends) throws {
        #expect(try counts(row(ends, count: 3) { _ in .init(length: 255) }) == [1, 1, 1])
        #expect(try counts(row(ends, count: 3) { _ in .init(length: 256) }) == [3])
        #expect(try counts(datagrams(ends, lengths: [1, 1, 1])) == [3])
        #expect(try counts(datagrams(ends, lengths: [9, 9, 8, 9])) == [3, 1])
        #expect(try counts(datagrams(ends, lengths: [9, 10, 0, 0])) == [1, 1, 1, 1])
    }

    @Test("never joins a packet whose checksum is wrong, first or later, and never repairs it", arguments: Ends.both)
    func wrongChecksums(_ ends: Ends) throws {
        for packets in [row(ends, count: 3), datagrams(ends, lengths: [300, 300, 300])] {
            for broken in 0..<3 {
                var changed = packets
                changed[broken][changed[broken].count - 1] ^= 0x10
                let run = try coalesced(changed)
                #expect(run.map(\.segmentCount) == [[1, 2], [1, 1, 1], [2, 1]][broken])
                #expect(run.contains { $0.bytes == changed[broken] && $0.offload == .none })
            }
        }
    }

    @Test("never joins an IPv4 packet whose header checksum is wrong")
    func wrongHeaderChecksum() throws {
        var packets = row(.v4, count: 3)
        packets[1][10] ^= 0x10
        #expect(try counts(packets) == [1, 1, 1])
    }

    @Test("joins 64 packets at the most, and 65,535 bytes", arguments: Ends.both)
    func limits(_ ends: Ends) throws {
        #expect(try counts(datagrams(ends, lengths: [Int](repeating: 2, count: 65))) == [64, 1])
        let large = row(ends, count: 48) { _ in .init(length: 1_400) }
        #expect(try counts(large) == [46, 2])
    }

    @Test("wants IPv4 identifications that count up, or stand still where fragments are forbidden")
    func identifications() throws {
        func row(_ identifications: [UInt16], dontFragment: Bool) -> [[UInt8]] {
            self.row(.v4, count: identifications.count) { index in
                .init(network: .init(identification: identifications[index], dontFragment: dontFragment))
            }
        }
        #expect(try counts(row([0xfffe, 0xffff, 0, 1], dontFragment: true)) == [4])
        #expect(try counts(row([0xfffe, 0xffff, 0, 1], dontFragment: false)) == [4])
        #expect(try counts(row([7, 7, 7], dontFragment: true)) == [3])
        #expect(try counts(row([7, 7, 7], dontFragment: false)) == [1, 1, 1])
        #expect(try counts(row([7, 8, 8], dontFragment: true)) == [2, 1])
        #expect(try counts(row([7, 7, 8], dontFragment: true)) == [2, 1])
        #expect(try counts(row([7, 9, 11], dontFragment: true)) == [1, 1, 1])
    }

    @Test("keeps apart what differs in any header field", arguments: Ends.both)
    func differences(_ ends: Ends) throws {
        var network = PacketBuilder.Network(identification: 1)
        network.hopLimit = 63
        var marked = PacketBuilder.Network(identification: 1)
        marked.trafficClass = 3
        var labelled = PacketBuilder.Network(identification: 1)
        labelled.flowLabel = 1
        labelled.dontFragment = false
        let changes: [Segment] = [
            .init(network: network), .init(network: marked), .init(network: labelled),
            .init(window: 1), .init(acknowledgement: 2), .init(options: [1, 1, 1, 1]), .init(options: []),
            .init(sourcePort: 1), .init(destinationPort: 1), .init(source: ends.destination),
            .init(destination: ends.source),
        ]
        for (index, change) in changes.enumerated() {
            #expect(try counts(row(ends, count: 2) { $0 == 1 ? change : .init() }) == [1, 1], "change \(index)")
        }
        #expect(try counts(row(ends, count: 2)) == [2])
        var packets = row(ends, count: 2)
        packets[1][(ends.version == .v4 ? 20 : 40) + 19] = 1
        PacketBuilder.recomputeChecksums(&packets[1])
        #expect(try counts(packets) == [1, 1], "the urgent pointer")
    }

    @Test("sends ICMP, and datagrams without a checksum, alone")
    func unsuitable() throws {
        for ends in Ends.both {
            let echo = PacketBuilder.icmpEcho(
                source: ends.source,
                destination: ends.destination,
                payload: [UInt8](repeating: 1, count: 300)
            )
            #expect(try counts([echo, echo]) == [1, 1])
        }
        var bare = datagrams(.v4, lengths: [300, 300])
        bare[1].replaceSubrange(26..<28, with: [0, 0])
        #expect(try counts(bare) == [1, 1])
        bare[0].replaceSubrange(26..<28, with: [0, 0])
        #expect(try counts(bare) == [1, 1])
    }
}

extension SegmentCoalescerTests {
    /// One packet of a row; what is nil follows from its place in it.
    private struct Segment {
        var length = 300
        var flags: UInt8 = 0
        var network: PacketBuilder.Network?
        var window: UInt16 = 500
        var acknowledgement: UInt32 = 1
        var options: [UInt8] = [1, 1, 4, 2]
        var sourcePort: UInt16 = 50_000
        var destinationPort: UInt16 = 443
        var source: IPAddress?
        var destination: IPAddress?
    }

    /// TCP packets in sequence.
    private func row(_ ends: Ends, count: Int, _ segment: (Int) -> Segment = { _ in Segment() }) -> [[UInt8]] {
        var sequence: UInt32 = 0xffff_ff00
        return (0..<count).map { index in
            let segment = segment(index)
            defer { sequence &+= UInt32(segment.length) }
            return PacketBuilder.tcp(
                source: segment.source ?? ends.source,
                destination: segment.destination ?? ends.destination,
                sourcePort: segment.sourcePort,
                destinationPort: segment.destinationPort,
                sequence: sequence,
                acknowledgement: segment.acknowledgement,
                flags: TCPFlags.ack | segment.flags,
                window: segment.window,
                options: segment.options,
                payload: [UInt8](repeating: UInt8(index), count: segment.length),
                network: segment.network ?? .init(identification: UInt16(index))
            )
        }
    }

    private func datagrams(_ ends: Ends, lengths: [Int]) -> [[UInt8]] {
        lengths.enumerated().map { index, length in
            PacketBuilder.udp(
                source: ends.source,
                destination: ends.destination,
                payload: [UInt8](repeating: UInt8(index), count: length),
                network: .init(identification: UInt16(index))
            )
        }
    }

    private func counts(_ packets: [[UInt8]]) throws -> [Int] {
        try coalesced(packets).map(\.segmentCount)
    }

    private func expectIdentity(_ packet: [UInt8], size: Int) throws {
        let pieces = try segments(of: packet, size: size)
        let run = try coalesced(pieces)
        var expected = packet
        let summary = try validated(packet)
        edit(&expected) { AddressRewriter.makeChecksumPartial(of: &$0, summary: summary) }
        #expect(run.map(\.bytes) == [expected])
        #expect(run.map(\.summary) == [summary])
        #expect(run.map(\.segmentCount) == [pieces.count])
        #expect(try segments(of: run.first?.bytes ?? [], size: size) == pieces)
    }
}
