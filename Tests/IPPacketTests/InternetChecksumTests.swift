import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct InternetChecksumTests {
    @Test("gives the sum of RFC 1071's example")
    func rfc1071() {
        let bytes: [UInt8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]
        let sum = InternetChecksum.fold(InternetChecksum.sum(bytes.span.bytes))
        #expect(sum == 0xddf2)
    }

    @Test("gives the adjusted checksum of RFC 1624's example, where RFC 1141 gives 0xffff")
    func rfc1624() {
        #expect(InternetChecksum.adjust(checksum: 0xdd2f, removing: 0x5555 as UInt16, adding: 0x3285) == 0)
    }

    @Test("agrees with a sum of two bytes at a time, for every length and alignment")
    func everyLength() {
        var random = SeededGenerator(seed: 2)
        let bytes = random.bytes(300)
        for start in 0..<9 {
            for length in 0...150 {
                let sum = InternetChecksum.sum(bytes.span.bytes.slice(at: start, count: length))
                #expect(InternetChecksum.fold(sum) == naive(bytes[start..<(start + length)]))
            }
        }
    }

    @Test("loses no carry in the largest packet")
    func largest() {
        let bytes = [UInt8](repeating: 0xff, count: 65_535)
        let sum = InternetChecksum.sum(bytes.span.bytes)
        #expect(InternetChecksum.fold(sum) == naive(bytes[...]))
        #expect(InternetChecksum.fold(.max) == 0xffff)
    }

    @Test("adds up pieces of even length as if they were one")
    func pieces() {
        var random = SeededGenerator(seed: 3)
        let bytes = random.bytes(101)
        let whole = InternetChecksum.fold(InternetChecksum.sum(bytes.span.bytes))
        for cut in stride(from: 0, through: 100, by: 2) {
            let first = InternetChecksum.sum(bytes.span.bytes.prefix(cut))
            let both = InternetChecksum.sum(bytes.span.bytes.suffix(from: cut), initial: first)
            #expect(InternetChecksum.fold(both) == whole)
        }
    }

    @Test("adjusts words of each width as a new sum would come out, zeros and ones included")
    func adjusts() {
        var random = SeededGenerator(seed: 4)
        let edges: [UInt128] = [0, .max, 0xffff, 0xffff_0000, 1, .max - 1, 0xffff_ffff]
        for _ in 0..<20_000 {
            let wide = random.address(.v6).bits
            let old = edges.randomElement(using: &random) ?? wide
            let new = Bool.random(using: &random) ? wide : edges.randomElement(using: &random) ?? 0
            // A word that stays, and is not zero, as in every packet.
            let rest = UInt16.random(in: 1...0xffff, using: &random)
            let before = checksum(of: old, rest), after = checksum(of: new, rest)
            #expect(InternetChecksum.adjust(checksum: before, removing: old, adding: new) == after)
            let (old32, new32) = (UInt32(truncatingIfNeeded: old), UInt32(truncatingIfNeeded: new))
            #expect(
                InternetChecksum.adjust(
                    checksum: checksum(of: UInt128(old32), rest),
                    removing: old32,
                    adding: new32
                )
                    == checksum(of: UInt128(new32), rest)
            )
            let (old16, new16) = (UInt16(truncatingIfNeeded: old), UInt16(truncatingIfNeeded: new))
            #expect(
                InternetChecksum.adjust(
                    checksum: checksum(of: UInt128(old16), rest),
                    removing: old16,
                    adding: new16
                )
                    == checksum(of: UInt128(new16), rest)
            )
        }
    }

    @Test("accepts right checksums and refuses each single wrong byte", arguments: Ends.both)
    func validity(_ ends: Ends) throws {
        let packets = [
            PacketBuilder.tcp(source: ends.source, destination: ends.destination, payload: [1, 2, 3]),
            PacketBuilder.udp(source: ends.source, destination: ends.destination, payload: [1, 2, 3]),
            PacketBuilder.icmpEcho(source: ends.source, destination: ends.destination, payload: [1, 2, 3]),
        ]
        for packet in packets {
            let summary = try validated(packet)
            #expect(isValid(packet, summary))
            // In IPv6 no checksum covers the first bytes, except the length and the next header.
            for index in (ends.version == .v4 ? 0 : 40)..<packet.count {
                var broken = packet
                broken[index] ^= 0x04
                #expect(!isValid(broken, summary), "byte \(index)")
            }
        }
    }

    @Test("takes an absent UDP checksum over IPv4 for right")
    func absent() throws {
        var packet = PacketBuilder.udp(source: Ends.v4.source, destination: Ends.v4.destination, payload: [1])
        packet.replaceSubrange(26..<28, with: [0, 0])
        #expect(isValid(packet, try validated(packet)))
    }

    private func isValid(_ packet: [UInt8], _ summary: PacketSummary) -> Bool {
        InternetChecksum.isValid(packet.span.bytes, summary: summary)
    }

    private func checksum(of value: UInt128, _ rest: UInt16) -> UInt16 {
        let words = (0..<8).map { UInt16(truncatingIfNeeded: value >> UInt128($0 * 16)) } + [rest]
        return ~naive(words.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }[...])
    }

    private func naive(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        var sum = 0
        for (index, byte) in bytes.enumerated() {
            sum += index % 2 == 0 ? Int(byte) << 8 : Int(byte)
        }
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        return UInt16(sum)
    }
}
