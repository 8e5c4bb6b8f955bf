import CLinuxNetwork
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

@Suite("Virtio header")
struct VirtioHeaderTests {
    private static func summary(
        _ version: IPVersion,
        _ transport: TransportProtocol,
        flags: UInt8 = 0x10
    ) throws -> PacketSummary {
        let source = address(version == .v4 ? "192.0.2.1" : "2001:db8::1")
        let destination = address(version == .v4 ? "192.0.2.2" : "2001:db8::2")
        let payload = [UInt8](repeating: 0, count: 3000)
        let packet =
            switch transport {
            case .tcp:
                PacketBuilder.tcp(
                    source: source,
                    destination: destination,
                    flags: flags,
                    options: [1, 1, 1, 0],
                    payload: payload
                )
            case .udp: PacketBuilder.udp(source: source, destination: destination, payload: payload)
            case .icmp, .icmpv6: PacketBuilder.icmpEcho(source: source, destination: destination)
            }
        return try PacketSummary(validating: packet.span.bytes)
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var version: IPVersion
        var transport: TransportProtocol
        var flags: UInt8 = 0x10
        var gsoType: UInt8
        var headerLength: UInt16
        var checksumStart: UInt16
        var checksumOffset: UInt16
        var testDescription: String { "IP\(version) \(transport), TCP flags \(flags)" }
    }

    static let superPackets: [Case] = [
        Case(
            version: .v4,
            transport: .tcp,
            gsoType: 1,
            headerLength: 44,
            checksumStart: 20,
            checksumOffset: 16
        ),
        Case(
            version: .v6,
            transport: .tcp,
            gsoType: 4,
            headerLength: 64,
            checksumStart: 40,
            checksumOffset: 16
        ),
        Case(
            version: .v4,
            transport: .tcp,
            flags: 0x90,
            gsoType: 0x81,
            headerLength: 44,
            checksumStart: 20,
            checksumOffset: 16
        ),
        Case(
            version: .v6,
            transport: .tcp,
            flags: 0x90,
            gsoType: 0x84,
            headerLength: 64,
            checksumStart: 40,
            checksumOffset: 16
        ),
        Case(version: .v4, transport: .udp, gsoType: 5, headerLength: 28, checksumStart: 20, checksumOffset: 6),
        Case(version: .v6, transport: .udp, gsoType: 5, headerLength: 48, checksumStart: 40, checksumOffset: 6),
    ]

    @Test("says how to cut a super-packet, from the packet's own facts", arguments: superPackets)
    func describesSuperPacket(_ expected: Case) throws {
        let header = VirtioHeader(
            try Self.summary(expected.version, expected.transport, flags: expected.flags),
            PacketOffload(segmentSize: 1400, checksumIsPartial: true)
        )
        #expect(header.flags == 1)
        #expect(header.gso_type == expected.gsoType)
        #expect(header.gso_size == 1400)
        #expect(header.hdr_len == expected.headerLength)
        #expect(header.csum_start == expected.checksumStart)
        #expect(header.csum_offset == expected.checksumOffset)
        #expect(header.offload == PacketOffload(segmentSize: 1400, checksumIsPartial: true))
    }

    @Test("asks for the checksum alone of a packet that fits", arguments: IPVersion.allCases)
    func describesPartialChecksum(version: IPVersion) throws {
        let header = VirtioHeader(
            try Self.summary(version, .udp),
            PacketOffload(segmentSize: 0, checksumIsPartial: true)
        )
        #expect(header.flags == 1 && header.gso_type == 0 && header.gso_size == 0)
        #expect(header.csum_start == (version == .v4 ? 20 : 40) && header.csum_offset == 6)
    }

    @Test("is empty for a finished packet", arguments: TransportProtocol.allCases)
    func isEmptyForFinishedPacket(transport: TransportProtocol) throws {
        let header = VirtioHeader(try Self.summary(transport == .icmpv6 ? .v6 : .v4, transport), .none)
        #expect(withUnsafeBytes(of: header) { $0.allSatisfy { $0 == 0 } })
    }

    @Test("takes no segment size from a header that does not say super-packet")
    func ignoresSizeWithoutType() {
        var header = VirtioHeader()
        header.gso_size = 1400
        #expect(header.offload == .none)
    }
}
