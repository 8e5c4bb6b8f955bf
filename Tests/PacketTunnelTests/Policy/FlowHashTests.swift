import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("The hash of a flow")
struct FlowHashTests {
    /// What flows of one host to one service differ in, seen from either end.
    enum Field: CaseIterable {
        case sourcePort, destinationPort, source, destination
    }

    @Test("spreads flows that differ in one field over the queues", arguments: Field.allCases, IPVersion.allCases)
    func spreads(field: Field, version: IPVersion) throws {
        var queues: Set<UInt32> = []
        for number in 0..<64 {
            func address(_ base: UInt128, _ isVaried: Bool) -> IPAddress {
                let bits = base + (isVaried ? UInt128(number) : 0)
                return version == .v4 ? IPAddress(ipv4: UInt32(truncatingIfNeeded: bits)) : IPAddress(bits: bits)
            }
            let packet = PacketBuilder.udp(
                source: address(version == .v4 ? 0x0a6f_0001 : 0xfd11 << 112, field == .source),
                destination: address(version == .v4 ? 0xcb00_7101 : 0x2001_0db8 << 96, field == .destination),
                sourcePort: field == .sourcePort ? UInt16(40_000 + number) : 40_000,
                destinationPort: field == .destinationPort ? UInt16(40_000 + number) : 443
            )
            queues.insert(try PacketSummary(validating: packet.span.bytes).flowHash & 63)
        }
        // 64 balls into 64 bins leave 40 of them with one, and hardly ever fewer than 30.
        #expect(queues.count >= 30)
    }
}
