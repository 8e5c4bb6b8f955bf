import IPPacket

/// A packet that must be refused, and why.
struct RejectedPacket: Sendable, CustomStringConvertible {
    let description: String
    let reason: RejectReason
    let bytes: [UInt8]

    init(_ description: String, _ reason: RejectReason, _ text: String) {
        self.description = description
        self.reason = reason
        self.bytes = annotated(text)
    }
}

extension RejectedPacket {
    static let ipv4 = [
        RejectedPacket("no bytes at all", .invalidIPPacketLength, ""),
        RejectedPacket(
            "an IPv4 header without its last byte",
            .invalidIPPacketLength,
            """
            45 00 00 13 00 00 40 00 40 06 00 00 | IPv4, total length 19
            c0 00 02 0a c6 33 64                | addresses, one byte short
            """
        ),
        RejectedPacket(
            "an IPv4 total length beyond the bytes",
            .invalidIPPacketLength,
            """
            45 00 00 1d 00 00 40 00 40 11 00 00 | IPv4, total length 29 of 28
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 08 00 00             | UDP, no payload
            """
        ),
        RejectedPacket(
            "bytes beyond the IPv4 total length",
            .invalidIPPacketLength,
            """
            45 00 00 1c 00 00 40 00 40 11 00 00 | IPv4, total length 28 of 29
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 08 00 00 ff          | UDP, no payload, one byte more
            """
        ),
        RejectedPacket(
            "version 5",
            .invalidIPHeaderVersion,
            """
            55 00 00 1c 00 00 40 00 40 11 00 00 | version 5
            c0 00 02 0a c6 33 64 14 c0 00 01 bb 00 08 00 00
            """
        ),
        RejectedPacket(
            "IPv4 options",
            .invalidIPHeaderOptions,
            """
            46 00 00 20 00 00 40 00 40 11 00 00 | header of six words
            c0 00 02 0a c6 33 64 14 94 04 00 00 | router alert (RFC 2113)
            c0 00 01 bb 00 08 00 00             | UDP, no payload
            """
        ),
        RejectedPacket(
            "an IPv4 header of less than five words",
            .invalidIPHeaderOptions,
            """
            44 00 00 1c 00 00 40 00 40 11 00 00 | header of four words
            c0 00 02 0a c6 33 64 14 c0 00 01 bb 00 08 00 00
            """
        ),
        RejectedPacket(
            "the first fragment of an IPv4 packet",
            .fragment,
            """
            45 00 00 24 00 07 20 00 40 11 00 00 | "more fragments", offset 0
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 20 00 00 01 02 03 04 05 06 07 08
            """
        ),
        RejectedPacket(
            "the last fragment of an IPv4 packet",
            .fragment,
            """
            45 00 00 1c 00 07 00 02 40 11 00 00 | offset 16, no more fragments
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            09 0a 0b 0c 0d 0e 0f 10             | bytes from the middle
            """
        ),
        RejectedPacket(
            "SCTP",
            .invalidIPHeaderProtocol,
            """
            45 00 00 20 00 00 40 00 40 84 00 00 | protocol 132
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 00 00 00 00 00 00 00
            """
        ),
        RejectedPacket(
            "ICMPv6 in IPv4",
            .invalidIPHeaderProtocol,
            """
            45 00 00 1c 00 00 40 00 40 3a 00 00 | protocol 58
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            80 00 00 00 00 01 00 01             | an ICMPv6 echo request
            """
        ),
        RejectedPacket(
            "a short ICMP message",
            .invalidIPPacketLength,
            """
            45 00 00 1b 00 00 40 00 40 01 00 00 | protocol 1, total length 27
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            08 00 00 00 00 01 00                | seven bytes of an echo request
            """
        ),
    ]

    static let ipv6 = [
        RejectedPacket(
            "an IPv6 header without its last byte",
            .invalidIPPacketLength,
            """
            60 00 00 00 00 00 11 40                         | IPv6, UDP
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00    | one byte short
            """
        ),
        RejectedPacket(
            "an IPv6 payload length of 0 before a payload (a jumbogram)",
            .invalidIPPacketLength,
            """
            60 00 00 00 00 00 11 40                         | payload length 0
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            c0 00 01 bb 00 08 12 34                         | UDP, no payload
            """
        ),
        RejectedPacket(
            "an IPv6 hop-by-hop header",
            .invalidIPHeaderOptions,
            """
            60 00 00 00 00 08 00 40                         | next header 0
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            11 00 05 02 00 00 01 00                         | router alert, then UDP
            """
        ),
        RejectedPacket(
            "an IPv6 fragment header",
            .fragment,
            """
            60 00 00 00 00 10 2c 40                         | next header 44
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            11 00 00 01 00 00 00 07                         | UDP follows, more fragments
            c0 00 01 bb 00 20 12 34
            """
        ),
        RejectedPacket(
            "ICMP in IPv6",
            .invalidIPHeaderProtocol,
            """
            60 00 00 00 00 08 01 40                         | next header 1
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            08 00 00 00 00 01 00 01                         | an ICMP echo request
            """
        ),
        RejectedPacket(
            "a UDP datagram over IPv6 without a checksum",
            .invalidUDPPacketLength,
            """
            60 00 00 00 00 08 11 40                         | next header 17
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            c0 00 01 bb 00 08 00 00                         | UDP, checksum 0
            """
        ),
        RejectedPacket(
            "a short ICMPv6 message",
            .invalidIPPacketLength,
            """
            60 00 00 00 00 04 3a 40                         | next header 58
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            80 00 00 00                                     | type, code, checksum
            """
        ),
    ]

    static let transport = [
        RejectedPacket(
            "a TCP header without its last byte",
            .invalidTCPPacketLength,
            """
            45 00 00 27 00 00 40 00 40 06 00 00             | TCP, total length 39
            c0 00 02 0a c6 33 64 14                         | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 00 00 01 00 00 00 01 50 10 ff ff | five words
            00 00 00                                        | checksum, half an urgent pointer
            """
        ),
        RejectedPacket(
            "a TCP data offset of four words",
            .invalidTCPPacketLength,
            """
            45 00 00 28 00 00 40 00 40 06 00 00             | TCP, total length 40
            c0 00 02 0a c6 33 64 14                         | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 00 00 01 00 00 00 01 40 10 ff ff | data offset 4
            00 00 00 00
            """
        ),
        RejectedPacket(
            "a TCP data offset beyond an IPv6 packet",
            .invalidTCPPacketLength,
            """
            60 00 00 00 00 14 06 40                         | next header 6, payload length 20
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            c0 00 01 bb 00 00 00 01 00 00 00 01 60 10 ff ff | data offset 6
            00 00 00 00
            """
        ),
        RejectedPacket(
            "a UDP header without its last byte",
            .invalidUDPPacketLength,
            """
            45 00 00 1b 00 00 40 00 40 11 00 00 | UDP, total length 27
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 07 00                | length 7
            """
        ),
        RejectedPacket(
            "a UDP length beyond the packet",
            .invalidUDPPacketLength,
            """
            45 00 00 1c 00 00 40 00 40 11 00 00 | UDP, total length 28
            c0 00 02 0a c6 33 64 14             | 192.0.2.10 to 198.51.100.20
            c0 00 01 bb 00 09 00 00             | length 9 of 8
            """
        ),
        RejectedPacket(
            "a UDP length short of an IPv6 packet",
            .invalidUDPPacketLength,
            """
            60 00 00 00 00 09 11 40                         | next header 17, payload length 9
            20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 10 | 2001:db8::10
            20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 20 | 2001:db8:1::20
            c0 00 01 bb 00 08 12 34 ff                      | length 8 of 9
            """
        ),
    ]
}
