internal import IPPacket
internal import PacketTunnelTestKit

/// The packets that the benchmarks are fed with.
enum SamplePackets {
    static let segmentCount = 44
    private static let mtu = 1_500
    /// Timestamps, as nearly every TCP segment has them.
    private static let options: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]

    /// Payload bytes of a full segment.
    static func segmentSize(_ version: IPVersion) -> Int {
        mtu - (version == .v4 ? 20 : 40) - 20 - options.count
    }

    /// The address that a client uses in its own packets.
    static func local(_ version: IPVersion) -> IPAddress {
        version == .v4 ? IPAddress(ipv4: 0xc0a8_0102) : IPAddress(bits: 0xfd00_0001 << 96 | 2)
    }

    /// A host in the internet that the default policy permits.
    static func remote(_ version: IPVersion) -> IPAddress {
        version == .v4 ? IPAddress(ipv4: 0x0101_0101) : IPAddress(bits: 0x2606_4700 << 96 | 0x1111)
    }

    static func datagram(from source: IPAddress, to destination: IPAddress) -> [UInt8] {
        PacketBuilder.udp(source: source, destination: destination, payload: [UInt8](repeating: 7, count: 128))
    }

    /// Consecutive segments of a TCP flow.
    static func segments(from source: IPAddress, to destination: IPAddress) -> [[UInt8]] {
        let size = segmentSize(source.isIPv4 ? .v4 : .v6)
        return (0..<segmentCount).map { index in
            PacketBuilder.tcp(
                source: source,
                destination: destination,
                sequence: UInt32(index * size),
                options: options,
                payload: [UInt8](repeating: UInt8(index), count: size),
                network: .init(identification: UInt16(index))
            )
        }
    }

    /// The same as one packet, as a kernel hands it over.
    static func superPacket(from source: IPAddress, to destination: IPAddress) -> MemoryPacket {
        let size = segmentSize(source.isIPv4 ? .v4 : .v6)
        var packet = PacketBuilder.tcp(
            source: source,
            destination: destination,
            options: options,
            payload: [UInt8](repeating: 7, count: size * segmentCount)
        )
        let sum = PacketBuilder.pseudoHeaderSum(packet)
        let offset = (source.isIPv4 ? 20 : 40) + 16
        packet[offset] = UInt8(sum >> 8)
        packet[offset + 1] = UInt8(sum & 0xff)
        return MemoryPacket(packet, offload: PacketOffload(segmentSize: UInt16(size), checksumIsPartial: true))
    }
}
