import CLinuxTun
import IPPacket
import PacketTunnel
import Testing

@testable import LinuxTun

@Suite("Virtio header")
struct VirtioHeaderTests {
    private static func summary(
        _ version: IPVersion, _ transport: TransportProtocol, flags: UInt8 = 0x10
    ) -> PacketSummary {
        PacketSummary(
            version: version, transport: transport, ipHeaderLength: version == .v4 ? 20 : 40,
            transportHeaderLength: transport == .tcp ? 32 : 8, packetLength: 3000, source: IPAddress(bits: 1),
            destination: IPAddress(bits: 2), sourcePort: 1, destinationPort: 2, tcpFlags: flags)
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
            version: .v4, transport: .tcp, gsoType: 1, headerLength: 52, checksumStart: 20, checksumOffset: 16),
        Case(
            version: .v6, transport: .tcp, gsoType: 4, headerLength: 72, checksumStart: 40, checksumOffset: 16),
        Case(
            version: .v4, transport: .tcp, flags: 0x90, gsoType: 0x81, headerLength: 52, checksumStart: 20,
            checksumOffset: 16),
        Case(
            version: .v6, transport: .tcp, flags: 0x90, gsoType: 0x84, headerLength: 72, checksumStart: 40,
            checksumOffset: 16),
        Case(version: .v4, transport: .udp, gsoType: 5, headerLength: 28, checksumStart: 20, checksumOffset: 6),
        Case(version: .v6, transport: .udp, gsoType: 5, headerLength: 48, checksumStart: 40, checksumOffset: 6),
    ]

    @Test("says how to cut a super-packet, from the packet's own facts", arguments: superPackets)
    func describesSuperPacket(_ expected: Case) {
        let header = linuxtun_virtio_header(
            Self.summary(expected.version, expected.transport, flags: expected.flags),
            PacketOffload(segmentSize: 1400, checksumIsPartial: true))
        #expect(header.flags == 1)
        #expect(header.gso_type == expected.gsoType)
        #expect(header.gso_size == 1400)
        #expect(header.hdr_len == expected.headerLength)
        #expect(header.csum_start == expected.checksumStart)
        #expect(header.csum_offset == expected.checksumOffset)
        #expect(header.offload == PacketOffload(segmentSize: 1400, checksumIsPartial: true))
    }

    @Test("asks for the checksum alone of a packet that fits", arguments: IPVersion.allCases)
    func describesPartialChecksum(version: IPVersion) {
        let header = linuxtun_virtio_header(
            Self.summary(version, .udp), PacketOffload(segmentSize: 0, checksumIsPartial: true))
        #expect(header.flags == 1 && header.gso_type == 0 && header.gso_size == 0)
        #expect(header.csum_start == (version == .v4 ? 20 : 40) && header.csum_offset == 6)
    }

    @Test("is empty for a finished packet", arguments: TransportProtocol.allCases)
    func isEmptyForFinishedPacket(transport: TransportProtocol) {
        let header = linuxtun_virtio_header(Self.summary(.v4, transport), .none)
        #expect(withUnsafeBytes(of: header) { $0.allSatisfy { $0 == 0 } })
    }

    @Test("takes no segment size from a header that does not say super-packet")
    func ignoresSizeWithoutType() {
        var header = linuxtun_virtio_header()
        header.gso_size = 1400
        #expect(header.offload == .none)
    }
}
