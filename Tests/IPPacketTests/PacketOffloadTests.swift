import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct PacketOffloadTests {
    @Test("accepts super-packets whose segments fit", arguments: Ends.both)
    func accepts(_ ends: Ends) throws {
        for summary in try [tcp(ends, payload: 5_000), udp(ends, payload: 5_000)] {
            for size in [256, 1_000, 1_500 - summary.headerLength] {
                let offload = PacketOffload(segmentSize: UInt16(size), checksumIsPartial: true)
                #expect(throws: Never.self) { try offload.validate(summary: summary, mtu: 1_500) }
            }
        }
    }

    @Test("accepts single packets up to the MTU and refuses longer ones", arguments: Ends.both)
    func single(_ ends: Ends) throws {
        let fits = try tcp(ends, payload: 1_500 - (ends.version == .v4 ? 40 : 60))
        let long = try tcp(ends, payload: 1_501 - (ends.version == .v4 ? 40 : 60))
        for offload in [PacketOffload.none, PacketOffload(segmentSize: 0, checksumIsPartial: true)] {
            #expect(throws: Never.self) { try offload.validate(summary: fits, mtu: 1_500) }
            #expect(throws: RejectReason.invalidFrame) { try offload.validate(summary: long, mtu: 1_500) }
        }
    }

    @Test("refuses segment sizes below the least, beyond the MTU, and not below the payload", arguments: Ends.both)
    func sizes(_ ends: Ends) throws {
        for summary in try [tcp(ends, payload: 5_000), udp(ends, payload: 5_000)] {
            for size in [1, 255, 1_501 - summary.headerLength, 0xffff] {
                let offload = PacketOffload(segmentSize: UInt16(size), checksumIsPartial: true)
                #expect(throws: RejectReason.invalidFrame) { try offload.validate(summary: summary, mtu: 1_500) }
            }
        }
        let offload = PacketOffload(segmentSize: 1_000, checksumIsPartial: true)
        #expect(throws: RejectReason.invalidFrame) {
            try offload.validate(summary: tcp(ends, payload: 1_000), mtu: 1_500)
        }
        #expect(throws: Never.self) { try offload.validate(summary: tcp(ends, payload: 1_001), mtu: 1_500) }
    }

    @Test("allows smaller segments where the caller does", arguments: Ends.both)
    func smaller(_ ends: Ends) throws {
        let offload = PacketOffload(segmentSize: 1, checksumIsPartial: true)
        #expect(throws: Never.self) {
            try offload.validate(summary: udp(ends, payload: 2), mtu: 1_500, minimumSegmentSize: 1)
        }
    }

    @Test("refuses to segment or to finish ICMP", arguments: Ends.both)
    func icmp(_ ends: Ends) throws {
        let packet = PacketBuilder.icmpEcho(
            source: ends.source,
            destination: ends.destination,
            payload: [UInt8](repeating: 1, count: 1_000)
        )
        let summary = try validated(packet)
        for (size, isPartial) in [(300, false), (300, true), (0, true)] as [(UInt16, Bool)] {
            let offload = PacketOffload(segmentSize: size, checksumIsPartial: isPartial)
            #expect(throws: RejectReason.invalidFrame) { try offload.validate(summary: summary, mtu: 1_500) }
        }
        #expect(throws: Never.self) { try PacketOffload.none.validate(summary: summary, mtu: 1_500) }
    }

    @Test("refuses SYN, RST and URG in a super-packet", arguments: [TCPFlags.syn, TCPFlags.rst, TCPFlags.urg])
    func flags(_ flag: UInt8) throws {
        for ends in Ends.both {
            let summary = try tcp(ends, payload: 1_000, flags: TCPFlags.ack | flag)
            let offload = PacketOffload(segmentSize: 300, checksumIsPartial: true)
            #expect(throws: RejectReason.invalidFrame) { try offload.validate(summary: summary, mtu: 1_500) }
        }
    }

    private func tcp(_ ends: Ends, payload: Int, flags: UInt8 = TCPFlags.ack) throws -> PacketSummary {
        try validated(
            PacketBuilder.tcp(
                source: ends.source,
                destination: ends.destination,
                flags: flags,
                payload: [UInt8](repeating: 1, count: payload)
            )
        )
    }

    private func udp(_ ends: Ends, payload: Int) throws -> PacketSummary {
        try validated(
            PacketBuilder.udp(
                source: ends.source,
                destination: ends.destination,
                payload: [UInt8](repeating: 1, count: payload)
            )
        )
    }
}
