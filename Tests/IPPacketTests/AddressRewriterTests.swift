import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct AddressRewriterTests {
    /// Packets of every kind, with payloads of odd and even length; rewritten over and over.
    private static func packets(_ ends: Ends, _ random: inout SeededGenerator) -> [[UInt8]] {
        [0, 1, 2, 7, 20].flatMap { length in
            let payload = random.bytes(length)
            return [
                PacketBuilder.tcp(source: ends.source, destination: ends.destination, payload: payload),
                PacketBuilder.udp(source: ends.source, destination: ends.destination, payload: payload),
                PacketBuilder.icmpEcho(source: ends.source, destination: ends.destination, payload: payload),
            ]
        }
    }

    @Test("leaves random packets exactly as if their checksums had been computed anew", arguments: Ends.both)
    func matchesRecomputation(_ ends: Ends) throws {
        var random = SeededGenerator(seed: ends.version == .v4 ? 5 : 6)
        var packets = Self.packets(ends, &random)
        var summaries = try packets.map { packet throws in try validated(packet) }
        for step in 0..<500_000 {
            let index = step % packets.count
            var summary = summaries[index]
            let source = random.address(ends.version)
            let destination = random.address(ends.version)
            // Small numbers now and then, so that words of zeros and ones come up.
            let port = step % 5 == 0 ? [0, 1, 0xffff][step % 3] : UInt16(truncatingIfNeeded: random.next())
            edit(&packets[index]) { packet in
                AddressRewriter.replaceSource(
                    of: &packet,
                    summary: &summary,
                    with: source,
                    checksumIsPartial: false
                )
                AddressRewriter.replaceDestination(
                    of: &packet,
                    summary: &summary,
                    with: destination,
                    checksumIsPartial: false
                )
                AddressRewriter.replaceSourcePort(
                    of: &packet,
                    summary: &summary,
                    with: port,
                    checksumIsPartial: false
                )
                guard !summary.isEcho else { return }
                AddressRewriter.replaceDestinationPort(
                    of: &packet,
                    summary: &summary,
                    with: ~port,
                    checksumIsPartial: false
                )
            }
            summaries[index] = summary
            var anew = packets[index]
            PacketBuilder.recomputeChecksums(&anew)
            if packets[index] != anew { Issue.record("step \(step): \(packets[index])") }
            if try validated(packets[index]) != summary { Issue.record("step \(step): the summary differs") }
        }
    }

    @Test("changes nothing but the address and the checksums that cover it", arguments: Ends.both)
    func changesNothingElse(_ ends: Ends) throws {
        let other = PacketBuilder.tcp(source: ends.destination, destination: ends.source, payload: [9])
        var packet = PacketBuilder.tcp(source: ends.source, destination: ends.source, payload: [9])
        var summary = try validated(packet)
        edit(&packet) { packet in
            AddressRewriter.replaceSource(
                of: &packet,
                summary: &summary,
                with: ends.destination,
                checksumIsPartial: false
            )
        }
        #expect(packet == other)
        #expect(try validated(other) == summary)
    }

    @Test("is undone by the opposite rewrite", arguments: Ends.both)
    func isInvertible(_ ends: Ends) throws {
        var random = SeededGenerator(seed: 7)
        for packet in Self.packets(ends, &random) {
            var changed = packet
            let original = try validated(packet)
            var summary = original
            edit(&changed) { packet in
                AddressRewriter.replaceSource(
                    of: &packet,
                    summary: &summary,
                    with: random.address(ends.version),
                    checksumIsPartial: false
                )
                AddressRewriter.replaceSource(
                    of: &packet,
                    summary: &summary,
                    with: ends.source,
                    checksumIsPartial: false
                )
            }
            #expect(changed == packet)
            #expect(summary == original)
        }
    }

    @Test("leaves a wrong checksum wrong", arguments: Ends.both)
    func keepsWrongChecksums(_ ends: Ends) throws {
        var packet = PacketBuilder.tcp(source: ends.source, destination: ends.destination, payload: [1, 2, 3, 4])
        packet[packet.count - 1] ^= 1
        var summary = try validated(packet)
        edit(&packet) { packet in
            AddressRewriter.replaceDestination(
                of: &packet,
                summary: &summary,
                with: ends.source,
                checksumIsPartial: false
            )
        }
        #expect(!PacketBuilder.checksumsAreValid(packet))
        packet[packet.count - 1] ^= 1
        #expect(PacketBuilder.checksumsAreValid(packet))
    }

    @Test("leaves an absent UDP checksum absent in IPv4")
    func keepsAbsentChecksum() throws {
        var packet = PacketBuilder.udp(source: Ends.v4.source, destination: Ends.v4.destination, payload: [1])
        packet.replaceSubrange(26..<28, with: [0, 0])
        var summary = try validated(packet)
        edit(&packet) { packet in
            AddressRewriter.replaceSource(
                of: &packet,
                summary: &summary,
                with: Ends.v4.destination,
                checksumIsPartial: false
            )
            AddressRewriter.replaceSourcePort(of: &packet, summary: &summary, with: 9, checksumIsPartial: false)
        }
        #expect(Array(packet[26..<28]) == [0, 0])
        #expect(PacketBuilder.checksumsAreValid(packet))
    }

    @Test("sends a UDP checksum that comes out as 0 as all ones", arguments: Ends.both)
    func avoidsZeroForUDP(_ ends: Ends) throws {
        var packet = PacketBuilder.udp(source: ends.source, destination: ends.destination, payload: [0, 0])
        var summary = try validated(packet)
        let checksum =
            UInt16(packet[summary.offsetOfTransportChecksum]) << 8
            | UInt16(packet[summary.offsetOfTransportChecksum + 1])
        // Adding the checksum to a covered word makes the sum all ones.
        let sum = UInt32(summary.sourcePort) + UInt32(checksum)
        let port = UInt16(sum & 0xffff) + UInt16(sum >> 16)
        edit(&packet) { packet in
            AddressRewriter.replaceSourcePort(of: &packet, summary: &summary, with: port, checksumIsPartial: false)
        }
        let field = packet[summary.offsetOfTransportChecksum...].prefix(2)
        #expect(Array(field) == [0xff, 0xff])
        #expect(PacketBuilder.checksumsAreValid(packet))
    }

    @Test("keeps a partial checksum the sum of the pseudo-header, and completes it", arguments: Ends.both)
    func partialChecksums(_ ends: Ends) throws {
        var random = SeededGenerator(seed: 8)
        for packet in Self.packets(ends, &random) where packet[ends.version == .v4 ? 9 : 6] != 1 {
            var changed = packet
            var summary = try validated(packet)
            edit(&changed) { AddressRewriter.makeChecksumPartial(of: &$0, summary: summary) }
            for _ in 0..<200 {
                let address = random.address(ends.version)
                edit(&changed) { packet in
                    AddressRewriter.replaceSource(
                        of: &packet,
                        summary: &summary,
                        with: address,
                        checksumIsPartial: true
                    )
                    AddressRewriter.replaceDestination(
                        of: &packet,
                        summary: &summary,
                        with: random.address(ends.version),
                        checksumIsPartial: true
                    )
                    AddressRewriter.replaceSourcePort(
                        of: &packet,
                        summary: &summary,
                        with: UInt16(truncatingIfNeeded: address.bits),
                        checksumIsPartial: true
                    )
                }
                let offset = summary.offsetOfTransportChecksum
                #expect(
                    UInt16(changed[offset]) << 8 | UInt16(changed[offset + 1])
                        == PacketBuilder.pseudoHeaderSum(changed)
                )
            }
            edit(&changed) { AddressRewriter.completeChecksum(of: &$0, summary: summary) }
            var anew = changed
            PacketBuilder.recomputeChecksums(&anew)
            #expect(changed == anew)
        }
    }

    @Test("traps on an address of the other family")
    func refusesOtherFamily() async {
        await #expect(processExitsWith: .failure) {
            var packet = PacketBuilder.udp(source: Ends.v4.source, destination: Ends.v4.destination)
            var summary = try validated(packet)
            edit(&packet) { packet in
                AddressRewriter.replaceSource(
                    of: &packet,
                    summary: &summary,
                    with: Ends.v6.source,
                    checksumIsPartial: false
                )
            }
        }
    }
}
