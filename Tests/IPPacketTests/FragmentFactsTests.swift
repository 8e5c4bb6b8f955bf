import IPPacket
import PacketTunnelTestKit
import Testing

@Suite("Fragment headers")
struct FragmentFactsTests {
    private static func addresses(_ version: IPVersion) -> (IPAddress, IPAddress) {
        version == .v4
            ? (IPAddress(ipv4: 0xc000_0201), IPAddress(ipv4: 0xc633_6402))
            : (IPAddress(bits: 0x2001_0db8 << 96 | 1), IPAddress(bits: 0x2001_0db8 << 96 | 2))
    }

    private static func datagram(_ version: IPVersion) -> [UInt8] {
        let (source, destination) = addresses(version)
        return PacketBuilder.udp(source: source, destination: destination, payload: [UInt8](repeating: 7, count: 3_000))
    }

    private func reason(_ packet: [UInt8]) -> RejectReason? {
        do throws(RejectReason) {
            _ = try PacketSummary(fragment: packet.span.bytes)
            return nil
        } catch { return error }
    }

    @Test("a datagram's fragments say where they stand, and only the first has ports", arguments: IPVersion.allCases)
    func facts(_ version: IPVersion) throws {
        let pieces = PacketBuilder.fragments(of: Self.datagram(version), mtu: 1_500, identification: 0xabcd)
        var end = 0
        for (index, piece) in pieces.enumerated() {
            let summary = try PacketSummary(fragment: piece.span.bytes)
            let facts = FragmentFacts(piece.span.bytes, summary: summary)
            #expect(summary.fragment == (index == 0 ? .first : .later))
            #expect(summary.destinationPort == (index == 0 ? 443 : 0))
            #expect(summary.source == Self.addresses(version).0 && summary.destination == Self.addresses(version).1)
            #expect(facts.identification == 0xabcd)
            #expect(facts.offset == end)
            #expect(facts.hasMore == (index < pieces.count - 1))
            end = facts.end
            #expect(summary.payloadLength == facts.length - (index == 0 ? 8 : 0))
        }
        #expect(end == 3_008)
    }

    @Test("a fragment that no whole datagram can have is refused", arguments: IPVersion.allCases)
    func impossible(_ version: IPVersion) throws {
        let whole = Self.datagram(version)
        let header = Array(whole[..<(version == .v4 ? 20 : 40)])
        func fragment(_ count: Int, at offset: Int, hasMore: Bool, in other: [UInt8]? = nil) -> [UInt8] {
            PacketBuilder.fragment(
                [UInt8](repeating: 0x40, count: count),
                offset: offset,
                hasMore: hasMore,
                header: other ?? header,
                identification: 1
            )
        }
        #expect(reason(fragment(64, at: 64, hasMore: true)) == nil)
        #expect(reason(fragment(0, at: 64, hasMore: false)) == .invalidIPPacketLength)
        #expect(reason(fragment(63, at: 64, hasMore: true)) == .invalidIPPacketLength)
        #expect(reason(fragment(63, at: 64, hasMore: false)) == nil)
        #expect(reason(fragment(64, at: 65_528, hasMore: false)) == .invalidIPPacketLength)
        #expect(reason(fragment(64, at: 64, hasMore: true) + [0]) == .invalidIPPacketLength)
        var other = header
        other[version == .v4 ? 9 : 6] = version == .v4 ? 58 : 1
        #expect(reason(fragment(64, at: 64, hasMore: true, in: other)) == .invalidIPHeaderProtocol)
        var tcp = header
        tcp[version == .v4 ? 9 : 6] = 6
        #expect(reason(fragment(16, at: 0, hasMore: true, in: tcp)) == .fragmentTooShort)
        // A data offset of 4 words is none; one of 15 is longer than the fragment.
        #expect(reason(fragment(24, at: 0, hasMore: true, in: tcp)) == .invalidTCPPacketLength)
        var options = fragment(24, at: 0, hasMore: true, in: tcp)
        options[(version == .v4 ? 20 : 48) + 12] = 0xf0
        #expect(reason(options) == .fragmentTooShort)
        #expect(reason(Array(fragment(64, at: 64, hasMore: true).prefix(19))) == .invalidIPPacketLength)
    }

    @Test(
        "a UDP header that is its datagram's own length is no first fragment of a longer one",
        arguments: IPVersion.allCases
    )
    func udpLength(_ version: IPVersion) throws {
        let whole = Self.datagram(version)
        let header = version == .v4 ? 20 : 40
        var piece = Array(whole[header..<(header + 64)])
        (piece[4], piece[5]) = (0, 64)
        let first = PacketBuilder.fragment(
            piece,
            offset: 0,
            hasMore: true,
            header: Array(whole[..<header]),
            identification: 1
        )
        #expect(reason(first) == .invalidUDPPacketLength)
    }

    @Test("rewriting addresses keeps the checksum of the whole datagram right", arguments: IPVersion.allCases)
    func rewriting(_ version: IPVersion) throws {
        var pieces = PacketBuilder.fragments(of: Self.datagram(version), mtu: 1_500, identification: 9)
        let address = version == .v4 ? IPAddress(ipv4: 0x0a01_0203) : IPAddress(bits: 0xfd12 << 112 | 0x77)
        for index in pieces.indices {
            let piece = pieces[index]
            var summary = try PacketSummary(fragment: piece.span.bytes)
            edit(&pieces[index]) {
                AddressRewriter.replaceSource(of: &$0, summary: &summary, with: address, checksumIsPartial: false)
            }
        }
        let packet = try #require(PacketBuilder.reassembled(pieces))
        #expect(PacketBuilder.checksumsAreValid(packet))
        #expect(try PacketSummary(validating: packet.span.bytes).source == address)
    }
}
