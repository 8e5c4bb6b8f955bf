import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Address pools")
struct AddressPoolTests {
    private static func pool(_ ipv4: String, _ ipv6: String) throws -> AddressPool {
        try AddressPool(ipv4: #require(IPPrefix(ipv4)), ipv6: #require(IPPrefix(ipv6)))
    }

    @Test(
        "indexes and addresses of a /24 correspond one to one, over every address there is",
        arguments: ["fd00::/64", "fd00::/104", "2001:db8::/32"]
    )
    func exhaustive(_ ipv6: String) throws {
        let pool = try Self.pool("10.20.30.0/24", ipv6)
        #expect(pool.capacity == 252)
        var seen: Set<IPAddress> = []
        for index in 0..<UInt32(256) {
            for version in IPVersion.allCases {
                let address = pool.address(index, version)
                #expect(seen.insert(address).inserted)
                #expect(address.isIPv4 == (version == .v4))
                #expect(pool.index(of: address) == index)
                let prefix = version == .v4 ? pool.ipv4 : pool.ipv6
                #expect(prefix.contains(address))
            }
        }
    }

    @Test("indexes and addresses of a /8 correspond, tried at random")
    func random() throws {
        let pool = try Self.pool("10.0.0.0/8", "fd1d:7a6e:52c4::/64")
        #expect(pool.capacity == 1 << 24 - 4)
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<20_000 {
            let index = UInt32.random(in: 0..<(1 << 24), using: &generator)
            #expect(pool.index(of: pool.ipv4Address(index)) == index)
            #expect(pool.index(of: pool.ipv6Address(index)) == index)
        }
    }

    @Test("an address with one bit of the prefix wrong has no index", arguments: IPVersion.allCases)
    func wrongPrefix(_ version: IPVersion) throws {
        let pool = try Self.pool("10.20.0.0/16", "fd1d:7a6e:52c4::/64")
        let address = pool.address(0x1234, version)
        let width = version == .v4 ? 32 : 128
        for bit in 16..<width {
            #expect(pool.index(of: IPAddress(bits: address.bits ^ 1 << UInt128(bit))) == nil, "bit \(bit)")
        }
    }

    @Test(
        "a pool whose prefixes leave too little or too much room is refused, by name",
        arguments: [
            ("10.0.0.0/7", "fd00::/64", "AddressPool"), ("10.0.0.0/25", "fd00::/64", "AddressPool"),
            ("fd00::/64", "fd00::/64", "AddressPool"), ("10.0.0.0/8", "fd00::/105", "AddressPool6"),
            ("10.0.0.0/8", "10.0.0.0/8", "AddressPool6"),
        ]
    )
    func refused(_ ipv4: String, _ ipv6: String, _ setting: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try Self.pool(ipv4, ipv6) }
        #expect(error?.setting == setting)
    }
}
