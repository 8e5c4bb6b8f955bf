import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Rewriting")
struct RewritingTests {
    @Test(
        "only the source changes upstream, only the destination downstream, and the checksums stay right",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func rewrites(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        let assigned = try harness.address(version)
        for (up, down) in Self.pairs(version, assigned: assigned) {
            connection.send(up)
            let written = try #require(harness.device.takeWritten().first)
            #expect(written == MemoryPacket(Self.replacing(up, version, source: assigned)))
            #expect(PacketBuilder.checksumsAreValid(written.bytes))
            harness.device.inject(down)
            let received = try #require(try connection.received().first)
            #expect(received == MemoryPacket(Self.replacing(down, version, destination: Sample.local(version))))
            #expect(PacketBuilder.checksumsAreValid(received.bytes))
        }
    }

    @Test(
        "a packet that comes back through the tunnel is the one that went up, ports and addresses exchanged",
        arguments: IPVersion.allCases,
        ChannelFraming.allCases
    )
    func identity(_ version: IPVersion, _ framing: ChannelFraming) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect(framing: framing)
        harness.runAll()
        var generator = SeededGenerator(seed: UInt64(version.rawValue))
        for _ in 0..<500 {
            let packet = Self.randomPacket(version, using: &generator)
            connection.send(packet)
            let up = try #require(harness.device.takeWritten().first)
            harness.device.inject(Self.mirrored(up.bytes, version))
            let down = try #require(try connection.received().first)
            #expect(Self.mirrored(down.bytes, version) == packet)
        }
    }

    @Test("a datagram without a checksum keeps having none in IPv4, both ways")
    func noChecksum() throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        var up = Sample.upstreamUDP(.v4)
        (up[26], up[27]) = (0, 0)
        connection.send(up)
        let written = try #require(harness.device.takeWritten().first)
        #expect(written.bytes[26...27] == [0, 0])
        var down = Sample.downstreamUDP(to: try harness.address(.v4))
        (down[26], down[27]) = (0, 0)
        harness.device.inject(down)
        #expect(try connection.received().first?.bytes[26...27] == [0, 0])
    }

    @Test("handshakes have their MSS lowered to the MTU in both directions", arguments: IPVersion.allCases)
    func clamps(_ version: IPVersion) throws {
        let harness = try ServerHarness { $0.mtu = 1_400 }
        let connection = try harness.connect()
        harness.runAll()
        func syn(_ source: IPAddress, _ destination: IPAddress, _ mss: UInt16) -> [UInt8] {
            PacketBuilder.tcp(
                source: source,
                destination: destination,
                flags: TCPFlags.syn,
                options: [2, 4, UInt8(mss >> 8), UInt8(mss & 0xff)]
            )
        }
        let expected: UInt16 = version == .v4 ? 1_360 : 1_340
        connection.send(syn(Sample.local(version), Sample.remote(version), 1_460))
        let written = try #require(harness.device.takeWritten().first)
        #expect(written.bytes == syn(try harness.address(version), Sample.remote(version), expected))
        harness.device.inject(syn(Sample.remote(version), try harness.address(version), 8_960))
        #expect(try connection.received().first?.bytes == syn(Sample.remote(version), Sample.local(version), expected))
    }

    @Test("an IPv6 packet with an IPv4-mapped source is refused, and does no harm when answered")
    func mappedSource() throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        // PacketBuilder takes the family from the address, so the mapped one is written in afterwards.
        var packet = Sample.upstreamUDP(.v6)
        let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff, 1, 2, 3, 4]
        packet.replaceSubrange(8..<24, with: mapped)
        connection.send(packet)
        #expect(harness.device.takeWritten().isEmpty)
        #expect(harness.counters().refused(.upstream, .invalidSourceAddress) == 1)
        harness.device.inject(Sample.downstreamUDP(to: try harness.address(.v6)))
        #expect(harness.counters().refused(.downstream, .noOriginalAddress) == 1)
    }

    private static func pairs(_ version: IPVersion, assigned: IPAddress) -> [(up: [UInt8], down: [UInt8])] {
        let (local, remote) = (Sample.local(version), Sample.remote(version))
        return [
            (Sample.upstreamUDP(version), Sample.downstreamUDP(to: assigned)),
            (
                PacketBuilder.tcp(source: local, destination: remote, payload: patternBytes(1_000)),
                PacketBuilder.tcp(
                    source: remote,
                    destination: assigned,
                    sourcePort: 443,
                    destinationPort: 49_152,
                    payload: patternBytes(1_001)
                )
            ),
        ]
    }

    /// The packet with other addresses, its checksums computed anew.
    private static func replacing(
        _ packet: [UInt8],
        _ version: IPVersion,
        source: IPAddress? = nil,
        destination: IPAddress? = nil
    ) -> [UInt8] {
        var copy = packet
        let (offset, size) = version == .v4 ? (12, 4) : (8, 16)
        if let source { copy.replaceSubrange(offset..<(offset + size), with: bytes(source)) }
        if let destination { copy.replaceSubrange((offset + size)..<(offset + 2 * size), with: bytes(destination)) }
        PacketBuilder.recomputeChecksums(&copy)
        return copy
    }

    private static func bytes(_ address: IPAddress) -> [UInt8] {
        let all = (0..<16).map { UInt8(truncatingIfNeeded: address.bits >> UInt128(120 - 8 * $0)) }
        return address.isIPv4 ? Array(all.suffix(4)) : all
    }

    /// The packet as it would come back: addresses and ports exchanged, which no checksum notices.
    private static func mirrored(_ packet: [UInt8], _ version: IPVersion) -> [UInt8] {
        var copy = packet
        let (offset, size, ports) = version == .v4 ? (12, 4, 20) : (8, 16, 40)
        copy.replaceSubrange(offset..<(offset + size), with: packet[(offset + size)..<(offset + 2 * size)])
        copy.replaceSubrange((offset + size)..<(offset + 2 * size), with: packet[offset..<(offset + size)])
        copy.replaceSubrange(ports..<(ports + 2), with: packet[(ports + 2)..<(ports + 4)])
        copy.replaceSubrange((ports + 2)..<(ports + 4), with: packet[ports..<(ports + 2)])
        return copy
    }

    private static func randomPacket(_ version: IPVersion, using generator: inout SeededGenerator) -> [UInt8] {
        let payload = patternBytes(
            .random(in: 0...1_400, using: &generator),
            seed: .random(in: 0...255, using: &generator)
        )
        let remote = IPAddress(
            bits: Sample.remote(version).bits + UInt128(UInt16.random(in: 0...999, using: &generator))
        )
        let ports = (UInt16.random(in: 1...65_535, using: &generator), UInt16.random(in: 1...65_535, using: &generator))
        var network = PacketBuilder.Network(identification: .random(in: 0...65_535, using: &generator))
        network.hopLimit = .random(in: 1...255, using: &generator)
        network.trafficClass = .random(in: 0...255, using: &generator)
        guard Bool.random(using: &generator) else {
            return PacketBuilder.udp(
                source: Sample.local(version),
                destination: remote,
                sourcePort: ports.0,
                destinationPort: ports.1,
                payload: payload,
                network: network
            )
        }
        return PacketBuilder.tcp(
            source: Sample.local(version),
            destination: remote,
            sourcePort: ports.0,
            destinationPort: ports.1,
            sequence: .random(in: 0 ... .max, using: &generator),
            acknowledgement: .random(in: 0 ... .max, using: &generator),
            flags: TCPFlags.ack | (Bool.random(using: &generator) ? TCPFlags.psh : 0),
            options: Array(repeating: 1, count: .random(in: 0...40, using: &generator)),
            payload: payload,
            network: network
        )
    }
}
