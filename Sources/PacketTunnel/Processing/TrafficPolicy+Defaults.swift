public import IPPacket

extension TrafficPolicy {
    /// Everything that is not the global internet: loopback, link-local (and with it the metadata service of the
    /// clouds), private, carrier-grade, documentation, benchmarking, multicast and reserved ranges, and the addresses
    /// that embed an IPv4 address, through which any of them could be reached. From the IANA special-purpose
    /// registries (RFC 6890).
    public static let defaultDeniedNetworks: [IPPrefix] = denied4 + denied6

    private static let denied4: [IPPrefix] = [
        (0x0000_0000, 8),  // 0.0.0.0/8, this network
        (0x0a00_0000, 8),  // 10.0.0.0/8, private
        (0x6440_0000, 10),  // 100.64.0.0/10, carrier-grade NAT
        (0x7f00_0000, 8),  // 127.0.0.0/8, loopback
        (0xa9fe_0000, 16),  // 169.254.0.0/16, link-local
        (0xac10_0000, 12),  // 172.16.0.0/12, private
        (0xc000_0000, 24),  // 192.0.0.0/24, protocol assignments
        (0xc000_0200, 24),  // 192.0.2.0/24, documentation
        (0xc058_6300, 24),  // 192.88.99.0/24, 6to4 relays
        (0xc0a8_0000, 16),  // 192.168.0.0/16, private
        (0xc612_0000, 15),  // 198.18.0.0/15, benchmarking
        (0xc633_6400, 24),  // 198.51.100.0/24, documentation
        (0xcb00_7100, 24),  // 203.0.113.0/24, documentation
        (0xe000_0000, 3),  // 224.0.0.0/3, multicast, reserved and broadcast
    ].map { IPPrefix(IPAddress(ipv4: $0.0), length: $0.1) }

    private static let denied6: [IPPrefix] = [
        (0x0000_0000 << 96, 8),  // ::/8: unspecified, loopback, mapped, and 64:ff9b::/96 below
        (0x0064_ff9b << 96, 32),  // 64:ff9b::/32, IPv4 behind NAT64
        (0x0100_0000 << 96, 64),  // 100::/64, discard
        (0x2001_0000 << 96, 23),  // 2001::/23: Teredo, benchmarking, ORCHID
        (0x2001_0db8 << 96, 32),  // 2001:db8::/32, documentation
        (0x2002_0000 << 96, 16),  // 2002::/16, 6to4
        (0x3fff_0000 << 96, 20),  // 3fff::/20, documentation
        (0x5f00_0000 << 96, 16),  // 5f00::/16, segment routing
        (0xfc00_0000 << 96, 7),  // fc00::/7, unique local, and with it fd00:ec2::254
        (0xfe80_0000 << 96, 10),  // fe80::/10, link-local
        (0xfec0_0000 << 96, 10),  // fec0::/10, site-local
        (0xff00_0000 << 96, 8),  // ff00::/8, multicast
    ].map { IPPrefix(IPAddress(bits: $0.0), length: $0.1) }
}
