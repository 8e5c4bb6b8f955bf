/// The packet that an ICMP error quotes, as far as it is quoted: enough to find the flow that the error is about.
///
/// The quote was cut by whoever sent the error, and is not to be trusted more than its outside.
@frozen public struct QuotedFlow: Equatable, Sendable {
    /// The transport protocol of the quoted packet.
    public var transport: TransportProtocol
    /// The source address of the quoted packet, whose sender the error goes to.
    public var source: IPAddress
    /// The destination address of the quoted packet.
    public var destination: IPAddress
    /// The quoted source port; the identifier of an echo.
    public var sourcePort: UInt16
    /// The quoted destination port; 0 for an echo.
    public var destinationPort: UInt16
    /// Where the quoted IP header begins, from the start of the error's packet.
    public var ipOffset: Int
    /// Where the quoted transport header begins, from the start of the error's packet; at least 8 bytes of it are there.
    public var transportOffset: Int

    /// Reads the quote in an ICMP error.
    ///
    /// - Returns: nil if the packet is no ICMP error, or its quote is too short (RFC 792 asks for 8 bytes beyond the IP
    ///   header), of another family, a later fragment, has extension headers, or a protocol the tunnel does not carry.
    @inlinable public init?(in packet: RawSpan, summary: PacketSummary) {
        guard summary.isICMPError else { return nil }
        let start = summary.headerLength
        let quote = packet.suffix(from: start)
        let headerLength: Int
        let protocolNumber: UInt8
        switch summary.version {
        case .v4:
            guard quote.byteCount >= IPv4Field.headerLength + 8, quote.byte(at: IPv4Field.versionAndLength) >> 4 == 4
            else { return nil }
            headerLength = Int(quote.byte(at: IPv4Field.versionAndLength) & 0x0f) * 4
            guard headerLength >= IPv4Field.headerLength, quote.byteCount >= headerLength + 8 else { return nil }
            guard quote.uint16(at: IPv4Field.fragment) & 0x1fff == 0 else { return nil }
            protocolNumber = quote.byte(at: IPv4Field.transport)
            source = IPAddress(ipv4: quote.uint32(at: IPv4Field.source))
            destination = IPAddress(ipv4: quote.uint32(at: IPv4Field.destination))
        case .v6:
            guard quote.byteCount >= IPv6Field.headerLength + 8, quote.byte(at: IPv6Field.versionAndFlow) >> 4 == 6
            else { return nil }
            headerLength = IPv6Field.headerLength
            protocolNumber = quote.byte(at: IPv6Field.nextHeader)
            source = IPAddress(bits: quote.uint128(at: IPv6Field.source))
            destination = IPAddress(bits: quote.uint128(at: IPv6Field.destination))
        }
        guard let transport = TransportProtocol(rawValue: protocolNumber) else { return nil }
        self.transport = transport
        ipOffset = start
        transportOffset = start + headerLength
        switch transport {
        case .tcp, .udp:
            sourcePort = quote.uint16(at: headerLength + TCPField.sourcePort)
            destinationPort = quote.uint16(at: headerLength + TCPField.destinationPort)
        case .icmp, .icmpv6:
            guard (transport == .icmp) == (summary.version == .v4) else { return nil }
            let type = quote.byte(at: headerLength + ICMPField.type)
            guard ICMPMessage.isEcho(type: type, version: summary.version) else { return nil }
            sourcePort = quote.uint16(at: headerLength + ICMPField.identifier)
            destinationPort = 0
        }
    }
}
