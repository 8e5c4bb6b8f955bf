import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct PacketSegmenterTests {
    private static let options: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]

    @Test("cuts TCP into the packets that its sender would have sent", arguments: Ends.both, [1, 255, 256, 1_001])
    func cutsTCP(_ ends: Ends, size: Int) throws {
        var random = SeededGenerator(seed: 10)
        let payload = random.bytes(size * 3 + 1)
        let flags = TCPFlags.ack | TCPFlags.psh | TCPFlags.fin | TCPFlags.cwr | TCPFlags.ece
        let packet = PacketBuilder.tcp(
            source: ends.source,
            destination: ends.destination,
            sequence: 0xffff_ff00,
            flags: flags,
            options: Self.options,
            payload: payload,
            network: .init(identification: 0xfffe)
        )
        let expected = (0..<4).map { index in
            let isLast = index == 3
            return PacketBuilder.tcp(
                source: ends.source,
                destination: ends.destination,
                sequence: 0xffff_ff00 &+ UInt32(index * size),
                flags: TCPFlags.ack | TCPFlags.ece | (isLast ? TCPFlags.psh | TCPFlags.fin : 0)
                    | (index == 0 ? TCPFlags.cwr : 0),
                options: Self.options,
                payload: Array(payload.dropFirst(index * size).prefix(size)),
                network: .init(identification: 0xfffe &+ UInt16(index))
            )
        }
        #expect(try segments(of: packet, size: size) == expected)
    }

    @Test("cuts UDP into datagrams, the last one shorter", arguments: Ends.both, [1, 8, 1_001])
    func cutsUDP(_ ends: Ends, size: Int) throws {
        var random = SeededGenerator(seed: 11)
        let payload = random.bytes(size * 2 + (size + 1) / 2)
        let packet = PacketBuilder.udp(source: ends.source, destination: ends.destination, payload: payload)
        let expected = (0..<3).map { index in
            PacketBuilder.udp(
                source: ends.source,
                destination: ends.destination,
                payload: Array(payload.dropFirst(index * size).prefix(size)),
                network: .init(identification: UInt16(index))
            )
        }
        #expect(try segments(of: packet, size: size) == expected)
    }

    @Test("finishes checksums whether the source's is partial, finished or wrong", arguments: Ends.both)
    func finishesChecksums(_ ends: Ends) throws {
        let packet = PacketBuilder.tcp(
            source: ends.source,
            destination: ends.destination,
            payload: [UInt8](repeating: 3, count: 1_000)
        )
        let summary = try validated(packet)
        let expected = try segments(of: packet, size: 300)
        var partial = packet
        edit(&partial) { AddressRewriter.makeChecksumPartial(of: &$0, summary: summary) }
        #expect(try segments(of: partial, size: 300) == expected)
        var wrong = packet
        wrong[summary.offsetOfTransportChecksum] ^= 0x55
        #expect(try segments(of: wrong, size: 300) == expected)
    }

    @Test("gives datagrams no checksum in IPv4 if the source has none")
    func keepsAbsentChecksum() throws {
        var packet = PacketBuilder.udp(
            source: Ends.v4.source,
            destination: Ends.v4.destination,
            payload: [UInt8](repeating: 3, count: 600)
        )
        packet.replaceSubrange(26..<28, with: [0, 0])
        let pieces = try segments(of: packet, size: 300)
        #expect(pieces.count == 2)
        for piece in pieces {
            #expect(piece[26] == 0 && piece[27] == 0)
            #expect(PacketBuilder.checksumsAreValid(piece))
        }
    }

    @Test("makes one packet, equal to the source, of what fits one segment", arguments: Ends.both, [0, 1, 300])
    func leavesSmallOnesWhole(_ ends: Ends, length: Int) throws {
        let packet = PacketBuilder.tcp(
            source: ends.source,
            destination: ends.destination,
            flags: TCPFlags.ack | TCPFlags.cwr,
            payload: [UInt8](repeating: 1, count: length)
        )
        #expect(try segments(of: packet, size: 300) == [packet])
    }

    @Test("cuts 65,535 bytes without losing one", arguments: Ends.both)
    func cutsTheLargest(_ ends: Ends) throws {
        var random = SeededGenerator(seed: 12)
        let payload = random.bytes(65_535 - (ends.version == .v4 ? 40 : 60))
        let packet = PacketBuilder.tcp(source: ends.source, destination: ends.destination, payload: payload)
        let pieces = try segments(of: packet, size: 1_400)
        #expect(pieces.allSatisfy(PacketBuilder.checksumsAreValid))
        let headers = packet.count - payload.count
        #expect(pieces.flatMap { $0.dropFirst(headers) } == payload)
    }

    @Test("leaves random headers exactly as if their checksums had been computed anew", arguments: Ends.both)
    func randomHeaders(_ ends: Ends) throws {
        var random = SeededGenerator(seed: 13)
        for _ in 0..<500 {
            let payload = random.bytes(Int.random(in: 2...900, using: &random))
            var network = PacketBuilder.Network(identification: UInt16.random(in: 0...0xffff, using: &random))
            network.hopLimit = UInt8.random(in: 1...255, using: &random)
            network.trafficClass = UInt8.random(in: 0...255, using: &random)
            let packet = PacketBuilder.tcp(
                source: random.address(ends.version),
                destination: random.address(ends.version),
                sourcePort: UInt16.random(in: 0...0xffff, using: &random),
                sequence: UInt32.random(in: 0...0xffff_ffff, using: &random),
                flags: TCPFlags.ack,
                options: random.bytes(4 * Int.random(in: 0...10, using: &random)),
                payload: payload,
                network: network
            )
            for piece in try segments(of: packet, size: Int.random(in: 1..<payload.count, using: &random)) {
                var anew = piece
                PacketBuilder.recomputeChecksums(&anew)
                #expect(piece == anew)
            }
        }
    }
}
