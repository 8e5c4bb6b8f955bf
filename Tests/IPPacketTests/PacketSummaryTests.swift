import IPPacket
import PacketTunnelTestKit
import Testing

@Suite struct PacketSummaryTests {
    @Test(
        "refuses a malformed packet for its own reason and leaves it untouched",
        arguments: RejectedPacket.ipv4 + RejectedPacket.ipv6 + RejectedPacket.transport
    )
    func refuses(_ packet: RejectedPacket) {
        let bytes = packet.bytes
        #expect(throws: packet.reason) { try validated(bytes) }
        #expect(bytes == packet.bytes)
    }

    @Test("has a refused example of each reason that validation can give")
    func coversAllReasons() {
        let reasons = Set((RejectedPacket.ipv4 + RejectedPacket.ipv6 + RejectedPacket.transport).map(\.reason))
        let expected: Set<RejectReason> = [
            .invalidIPPacketLength, .invalidIPHeaderVersion, .invalidIPHeaderOptions, .invalidIPHeaderProtocol,
            .invalidTCPPacketLength, .invalidUDPPacketLength, .fragment,
        ]
        #expect(reasons == expected)
    }

    @Test("reads every fact of a TCP packet", arguments: Ends.both)
    func readsTCP(_ ends: Ends) throws {
        let packet = PacketBuilder.tcp(
            source: ends.source,
            destination: ends.destination,
            sourcePort: 50_000,
            destinationPort: 443,
            flags: TCPFlags.ack | TCPFlags.psh,
            options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
            payload: [1, 2, 3]
        )
        let summary = try validated(packet)
        #expect(summary.version == ends.version)
        #expect(summary.transport == .tcp)
        #expect(summary.ipHeaderLength == (ends.version == .v4 ? 20 : 40))
        #expect(summary.transportHeaderLength == 32)
        #expect(summary.packetLength == packet.count)
        #expect(summary.payloadLength == 3)
        #expect(summary.source == ends.source && summary.destination == ends.destination)
        #expect(summary.sourcePort == 50_000 && summary.destinationPort == 443)
        #expect(summary.tcpFlags == 0x18)
        #expect(summary.offsetOfTransportChecksum == summary.ipHeaderLength + 16)
        #expect(!summary.isEcho && !summary.isICMPError)
    }

    @Test("reads every fact of a UDP packet", arguments: Ends.both)
    func readsUDP(_ ends: Ends) throws {
        let packet = PacketBuilder.udp(
            source: ends.source,
            destination: ends.destination,
            sourcePort: 5353,
            destinationPort: 53,
            payload: [7]
        )
        let summary = try validated(packet)
        #expect(summary.transport == .udp)
        #expect(summary.transportHeaderLength == 8 && summary.payloadLength == 1)
        #expect(summary.sourcePort == 5353 && summary.destinationPort == 53)
        #expect(summary.tcpFlags == 0 && summary.icmpType == 0)
        #expect(summary.offsetOfTransportChecksum == summary.ipHeaderLength + 6)
    }

    @Test("takes the identifier of an echo for its source port", arguments: Ends.both, [false, true])
    func readsEcho(_ ends: Ends, isReply: Bool) throws {
        let packet = PacketBuilder.icmpEcho(
            source: ends.source,
            destination: ends.destination,
            identifier: 0xbeef,
            isReply: isReply
        )
        let summary = try validated(packet)
        #expect(summary.transport == (ends.version == .v4 ? .icmp : .icmpv6))
        #expect(summary.isEcho && !summary.isICMPError)
        #expect(summary.sourcePort == 0xbeef && summary.destinationPort == 0)
        #expect(summary.offsetOfTransportChecksum == summary.ipHeaderLength + 2)
    }

    @Test("knows an ICMP error, and gives it no port", arguments: Ends.both)
    func readsError(_ ends: Ends) throws {
        let packet = PacketBuilder.icmpError(
            source: ends.source,
            destination: ends.destination,
            type: ends.version == .v4 ? 3 : 1,
            code: 0,
            rest: 0xffff_ffff,
            quoting: []
        )
        let summary = try validated(packet)
        #expect(summary.isICMPError && !summary.isEcho)
        #expect(summary.sourcePort == 0)
    }

    @Test("accepts packets of 65,535 bytes and none that are longer")
    func acceptsTheLargest() throws {
        for ends in Ends.both {
            let headers = ends.version == .v4 ? 28 : 48
            let packet = PacketBuilder.udp(
                source: ends.source,
                destination: ends.destination,
                payload: [UInt8](repeating: 1, count: 65_535 - headers)
            )
            #expect(try validated(packet).packetLength == 65_535)
        }
        let long = PacketBuilder.tcp(
            source: Ends.v6.source,
            destination: Ends.v6.destination,
            payload: [UInt8](repeating: 1, count: 65_536 - 60)
        )
        #expect(throws: RejectReason.invalidIPPacketLength) { try validated(long) }
    }

    @Test("accepts a UDP datagram over IPv4 without a checksum")
    func acceptsNoChecksum() throws {
        var packet = PacketBuilder.udp(source: Ends.v4.source, destination: Ends.v4.destination)
        packet.replaceSubrange(26..<28, with: [0, 0])
        #expect(try validated(packet).transport == .udp)
    }

    @Test("refuses a packet cut off anywhere, and one with a byte too many", arguments: Ends.both)
    func refusesTruncated(_ ends: Ends) {
        let packets = [
            PacketBuilder.tcp(
                source: ends.source,
                destination: ends.destination,
                options: [2, 4, 5, 180],
                payload: [1]
            ),
            PacketBuilder.udp(source: ends.source, destination: ends.destination, payload: [1, 2, 3]),
            PacketBuilder.icmpEcho(source: ends.source, destination: ends.destination, payload: [1, 2]),
        ]
        for packet in packets {
            for length in 0..<packet.count {
                let cut = Array(packet[..<length])
                #expect(throws: RejectReason.invalidIPPacketLength, "\(length) bytes") { try validated(cut) }
                #expect(cut == Array(packet[..<length]))
            }
            #expect(throws: RejectReason.invalidIPPacketLength) { try validated(packet + [0]) }
        }
    }

    @Test("refuses a packet cut off anywhere with its IP lengths made right, unless a payload was cut")
    func refusesTruncatedTransport() {
        for ends in Ends.both {
            let packet = PacketBuilder.tcp(
                source: ends.source,
                destination: ends.destination,
                options: [2, 4, 5, 180],
                payload: [1]
            )
            let ipHeader = ends.version == .v4 ? 20 : 40
            for length in ipHeader..<(ipHeader + 24) {
                var cut = Array(packet[..<length])
                let field = ends.version == .v4 ? length : length - 40
                let offset = ends.version == .v4 ? 2 : 4
                cut.replaceSubrange(offset..<(offset + 2), with: [UInt8(field >> 8), UInt8(field & 0xff)])
                #expect(throws: RejectReason.invalidTCPPacketLength, "\(length) bytes") { try validated(cut) }
            }
        }
    }

    @Test(
        "refuses each IPv6 extension header",
        arguments: [0, 43, 50, 51, 59, 60, 135, 139, 140] as [UInt8]
    )
    func refusesExtensionHeaders(_ number: UInt8) {
        let packet = PacketBuilder.ip(
            source: Ends.v6.source,
            destination: Ends.v6.destination,
            protocol: number,
            payload: [UInt8](repeating: 0, count: 40)
        )
        #expect(throws: RejectReason.invalidIPHeaderOptions) { try validated(packet) }
    }

    @Test("never reads outside of random bytes")
    func survivesNoise() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<100_000 {
            var bytes = random.bytes(Int.random(in: 0...90, using: &random))
            // Most noise fails at the first bytes; let some of it get further.
            if bytes.count >= 7, Bool.random(using: &random) {
                bytes[0] = Bool.random(using: &random) ? 0x45 : 0x60
                if bytes[0] == 0x45 {
                    bytes.replaceSubrange(2..<4, with: [0, UInt8(bytes.count)])
                    bytes.replaceSubrange(6..<7, with: [0x40])
                } else {
                    bytes.replaceSubrange(4..<6, with: [0, UInt8(max(40, bytes.count) - 40)])
                    bytes[6] = [6, 17, 58].randomElement(using: &random) ?? 6
                }
            }
            guard let summary = try? validated(bytes) else { continue }
            #expect(summary.headerLength <= bytes.count)
        }
    }
}
