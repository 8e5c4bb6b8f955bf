import IPPacket
import PacketTunnelTestKit

@testable import PacketTunnel

/// Addresses and identities that the tests share. What the tests call the internet has to pass the default policy.
enum Sample {
    static let alice = SessionIdentity(user: "alice", keyFingerprint: "SHA256:aaaa")
    static let bob = SessionIdentity(user: "bob", keyFingerprint: "SHA256:bbbb")

    static let resolvers = DNSResolvers(
        ipv4: [IPAddress(ipv4: 0x0909_0909), IPAddress(ipv4: 0x0808_0808)],
        ipv6: [IPAddress(bits: 0x2620_00fe << 96 | 0xfe), IPAddress(bits: 0x2620_00fe << 96 | 0x9)]
    )

    /// The address that clients use in their own packets.
    static func local(_ version: IPVersion) -> IPAddress {
        version == .v4 ? IPAddress(ipv4: 0xc0a8_0102) : IPAddress(bits: 0xfd00_0001 << 96 | 2)
    }

    /// A host in the internet.
    static func remote(_ version: IPVersion) -> IPAddress {
        version == .v4 ? IPAddress(ipv4: 0x0101_0101) : IPAddress(bits: 0x2606_4700 << 96 | 0x1111)
    }

    static func resolvers(_ version: IPVersion) -> [IPAddress] {
        version == .v4 ? resolvers.ipv4 : resolvers.ipv6
    }

    /// A datagram from a client to the internet.
    static func upstreamUDP(
        _ version: IPVersion,
        source: IPAddress? = nil,
        destination: IPAddress? = nil,
        sourcePort: UInt16 = 40_000,
        destinationPort: UInt16 = 4_433,
        payload: [UInt8] = [1, 2, 3, 4]
    ) -> [UInt8] {
        PacketBuilder.udp(
            source: source ?? local(version),
            destination: destination ?? remote(version),
            sourcePort: sourcePort,
            destinationPort: destinationPort,
            payload: payload
        )
    }

    /// A datagram from the internet to `destination`, in answer to `upstreamUDP`.
    static func downstreamUDP(
        to destination: IPAddress,
        source: IPAddress? = nil,
        sourcePort: UInt16 = 4_433,
        destinationPort: UInt16 = 40_000,
        payload: [UInt8] = [5, 6, 7, 8, 9]
    ) -> [UInt8] {
        PacketBuilder.udp(
            source: source ?? remote(destination.isIPv4 ? .v4 : .v6),
            destination: destination,
            sourcePort: sourcePort,
            destinationPort: destinationPort,
            payload: payload
        )
    }

    /// A query for the address of `name`.
    static func query(_ name: String, identifier: UInt16 = 0x1234) -> [UInt8] {
        var message: [UInt8] = [UInt8(identifier >> 8), UInt8(identifier & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") { message += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return message + [0, 0, 1, 0, 1]
    }

    /// A program's query on the client, to a resolver.
    static func dnsQuery(_ version: IPVersion, to resolver: IPAddress, port: UInt16) -> [UInt8] {
        upstreamUDP(
            version,
            destination: resolver,
            sourcePort: port,
            destinationPort: 53,
            payload: query("example.org")
        )
    }

    /// The answer to it.
    static func dnsAnswer(_ version: IPVersion, from resolver: IPAddress, port: UInt16) -> [UInt8] {
        downstreamUDP(
            to: local(version),
            source: resolver,
            sourcePort: 53,
            destinationPort: port,
            payload: query("example.org")
        )
    }

    static func summary(_ packet: [UInt8]) throws(RejectReason) -> PacketSummary {
        try PacketSummary(validating: packet.span.bytes)
    }
}

/// The big-endian 32-bit number at `offset`.
func word(_ packet: [UInt8], at offset: Int) -> UInt32 {
    packet[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
}

/// Bytes that look random and are the same each time.
func patternBytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
    var value = UInt32(seed) | 1
    return (0..<count).map { _ in
        value = value &* 1_664_525 &+ 1_013_904_223
        return UInt8(value >> 24)
    }
}
