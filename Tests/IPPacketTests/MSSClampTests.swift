import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct MSSClampTests {
    /// Option lists whose MSS of 1460 stands at offsets of both parities.
    private static let lists: [[UInt8]] = [
        [2, 4, 0x05, 0xb4],
        [1, 2, 4, 0x05, 0xb4],
        [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 2, 4, 0x05, 0xb4],
        [3, 3, 7, 2, 4, 0x05, 0xb4, 4, 2],
    ]

    @Test(
        "lowers the MSS of a SYN and of a SYN-ACK to what fits the MTU",
        arguments: Ends.both,
        [TCPFlags.syn, TCPFlags.syn | TCPFlags.ack]
    )
    func lowers(_ ends: Ends, flags: UInt8) throws {
        for options in Self.lists {
            var lowered = options
            let index = try #require(options.firstIndex(of: 0xb4))
            let limit: UInt16 = ends.version == .v4 ? 1_240 : 1_220
            lowered.replaceSubrange((index - 1)...index, with: [UInt8(limit >> 8), UInt8(limit & 0xff)])
            let expected = syn(ends, flags: flags, options: lowered)
            #expect(try clamped(syn(ends, flags: flags, options: options)) == expected)
        }
    }

    @Test("does not touch the checksum if it is partial", arguments: Ends.both)
    func partial(_ ends: Ends) throws {
        let packet = syn(ends, options: Self.lists[0])
        let result = try clamped(packet, isPartial: true)
        let summary = try validated(packet)
        let field = summary.offsetOfTransportChecksum..<(summary.offsetOfTransportChecksum + 2)
        #expect(result != packet)
        #expect(result[field] == packet[field])
    }

    @Test("never raises an MSS", arguments: Ends.both)
    func neverRaises(_ ends: Ends) throws {
        for value: UInt16 in [0, 536, 1_200, ends.version == .v4 ? 1_240 : 1_220] {
            let packet = syn(ends, options: [2, 4, UInt8(value >> 8), UInt8(value & 0xff)])
            #expect(try clamped(packet) == packet)
        }
    }

    @Test("leaves packets that are no SYN alone", arguments: Ends.both)
    func onlySYN(_ ends: Ends) throws {
        let data = syn(ends, flags: TCPFlags.ack, options: Self.lists[0])
        #expect(try clamped(data) == data)
        let datagram = PacketBuilder.udp(source: ends.source, destination: ends.destination, payload: Self.lists[0])
        #expect(try clamped(datagram) == datagram)
    }

    @Test(
        "leaves a SYN without an MSS, and broken option lists, alone",
        arguments: [
            [],
            [0, 0, 0, 0, 2, 4, 0x05, 0xb4],  // beyond the end of the list
            [2, 3, 0x05, 0xb4],  // wrong length for the kind
            [2, 8, 0x05, 0xb4],  // longer than the header
            [8, 0, 2, 4, 0x05, 0xb4, 1, 1],  // a length of 0 would never end
            [8, 1, 2, 4, 0x05, 0xb4, 1, 1],
            [1, 1, 1, 2],  // no room for a length
            [1, 2, 4, 0x05],  // no room for the value
        ] as [[UInt8]]
    )
    func broken(_ options: [UInt8]) throws {
        for ends in Ends.both {
            let packet = syn(ends, options: options)
            #expect(try clamped(packet) == packet)
        }
    }

    private func syn(_ ends: Ends, flags: UInt8 = TCPFlags.syn, options: [UInt8]) -> [UInt8] {
        PacketBuilder.tcp(source: ends.source, destination: ends.destination, flags: flags, options: options)
    }

    private func clamped(_ packet: [UInt8], isPartial: Bool = false) throws -> [UInt8] {
        var packet = packet
        let summary = try validated(packet)
        edit(&packet) { MSSClamp.clamp(&$0, summary: summary, mtu: 1_280, checksumIsPartial: isPartial) }
        return packet
    }
}
