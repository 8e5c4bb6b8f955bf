import IPPacket
import PacketTunnelTestKit

extension SeededGenerator {
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func address(_ version: IPVersion) -> IPAddress {
        switch version {
        case .v4: return IPAddress(ipv4: UInt32(truncatingIfNeeded: next()))
        case .v6: return IPAddress(bits: 0x2001 << 112 | UInt128(next()) << 32 | UInt128(next() >> 40))
        }
    }
}
