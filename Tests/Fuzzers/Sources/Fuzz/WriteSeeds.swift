import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit

/// Writes the inputs that the fuzzers start from, one file each: well-formed ones of every kind, since chance alone
/// seldom finds a header that agrees with itself.
func writeSeeds(to folder: String) {
    for (target, seeds) in allSeeds().merging(textSeeds(), uniquingKeysWith: { first, _ in first }) {
        mkdir("\(folder)/\(target)", 0o755)
        for (number, seed) in seeds.enumerated() {
            guard let file = fopen("\(folder)/\(target)/seed-\(number)", "w") else { fatalError("cannot write seeds") }
            fwrite(seed, 1, seed.count, file)
            fclose(file)
        }
    }
}

private func allSeeds() -> [String: [[UInt8]]] {
    let packets = IPVersion.allCases.flatMap(packets)
    return [
        "packet": packets.map { [0] + $0 } + packets.map { [1] + $0 },
        "frames-psiphon": frames(packets, .psiphon),
        "frames-openssh": frames(packets, .openSSH),
        "frames-gso": frames(packets, .gso),
        "dns": ["example.org", "", "a.b.c.d.e.f", "XN--Bcher-KVA.Example"].map { [0] + query($0) },
        // Three questions in one segment, in two, and one that is not allowed, in pieces.
        "dns-stream": [
            [128, 0, 3, 0, 1, 0, 0x23, 0, 0, 63, 0, 2],
            [128, 1, 3, 0, 1, 1, 0x23, 0, 0, 30, 0, 2, 0x23, 0, 30, 33, 0, 2],
            [128, 0, 2, 0, 2, 0x23, 0, 0, 21, 0, 0xa3, 0, 21, 10, 0, 0x23, 0, 31, 10, 0, 0x23, 0, 21, 21, 3, 15],
        ],
        "segments": packets.flatMap { [[1, 144, 0, 3] + $0, [0, 32, 1, 0, 1, 0, 30, 9, 2] + $0] },
        // In order, twice, over each other, the last one first; and packets as they are.
        "fragments": [
            [7, 64] + [UInt8](repeating: 1, count: 65) + [0x83, 24] + [UInt8](repeating: 2, count: 25),
            [5, 64] + [UInt8](repeating: 1, count: 65) + [0x87, 24] + [UInt8](repeating: 2, count: 25)
                + [0x81, 24] + [UInt8](repeating: 2, count: 25),
            [0x81, 24] + [UInt8](repeating: 2, count: 25) + [5, 64] + [UInt8](repeating: 1, count: 65),
        ] + packets.map { [0, 0xf8] + $0 },
        "gso-header": packets.map { [1, 0, UInt8($0.count)] + $0 + [1, 0, 1, 44] + $0 }
            + packets.map { [0, 0, 0] + MemoryFrames.frame($0, as: .gso) },
    ]
}

private func packets(_ version: IPVersion) -> [[UInt8]] {
    let source = version == .v4 ? IPAddress(ipv4: 0xc0a8_0102) : IPAddress(bits: 0xfd00 << 112 | 2)
    let destination = version == .v4 ? IPAddress(ipv4: 0x0101_0101) : IPAddress(bits: 0x2606_4700 << 96 | 1)
    let payload = [UInt8](0..<100)
    let udp = PacketBuilder.udp(source: source, destination: destination, payload: payload)
    var withoutChecksum = udp
    if version == .v4 { (withoutChecksum[26], withoutChecksum[27]) = (0, 0) }
    return [
        udp,
        withoutChecksum,
        PacketBuilder.udp(source: source, destination: destination, destinationPort: 53, payload: query("a")),
        PacketBuilder.tcp(source: source, destination: destination, payload: payload),
        PacketBuilder.tcp(
            source: source,
            destination: destination,
            flags: TCPFlags.syn,
            options: [1, 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0]
        ),
        PacketBuilder.icmpEcho(source: source, destination: destination, payload: [1, 2, 3]),
        PacketBuilder.icmpError(
            source: source,
            destination: destination,
            type: version == .v4 ? 3 : 1,
            code: 3,
            quoting: PacketBuilder.udp(source: destination, destination: source, payload: [1, 2, 3, 4])
        ),
    ]
}

/// Streams of three frames, each cut in one and in four.
private func frames(_ packets: [[UInt8]], _ framing: ChannelFraming) -> [[UInt8]] {
    (0..<4).flatMap { number -> [[UInt8]] in
        let some = (0..<3).map { packets[(number * 3 + $0) % packets.count] }
        guard framing != .openSSH else { return some.map { [0] + MemoryFrames.frame($0, as: framing) } }
        let stream = some.flatMap { MemoryFrames.frame($0, as: framing) }
        return [[0] + stream, [3, 0, 1, 0, 40, 0, 200] + stream]
    }
}

private func query(_ name: String) -> [UInt8] {
    let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    return [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, 1, 0, 1]
}
