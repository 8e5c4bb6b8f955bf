/// The answer to a packet that is refused: a reset for TCP, "administratively prohibited" for everything else.
///
/// The answer seems to come from where the packet was sent to: whatever reverse path check the client's host makes, that
/// address is routed through the tunnel.
public struct RefusalAnswer: Sendable {
    /// Bytes that the whole answer may have (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c).
    private static let longestIPv4 = 576
    private static let longestIPv6 = 1_280

    /// The version of the packet and its answer.
    public let version: IPVersion
    /// Where the packet came from and the answer goes to.
    public let source: IPAddress
    /// Where the packet was to go.
    public let destination: IPAddress
    /// What is known of a TCP packet.
    private let tcp: PacketSummary?

    /// - Returns: nil where no answer is due (RFC 1122 §3.2.2, RFC 4443 §2.4 e, RFC 9293 §3.5.2): to ICMP other than echo
    ///   requests, to later fragments, to resets, and to what is too short for its header. Whether the two addresses are
    ///   such that an answer may be given is for the caller to say.
    public init?(to packet: RawSpan) {
        let number: UInt8
        var header = IPv4Field.headerLength
        guard packet.byteCount >= header else { return nil }
        switch packet.byte(at: IPv4Field.versionAndLength) >> 4 {
        case 4:
            guard packet.byte(at: IPv4Field.versionAndLength) == 0x45,
                packet.uint16(at: IPv4Field.fragment) & 0x1fff == 0
            else { return nil }
            version = .v4
            number = packet.byte(at: IPv4Field.transport)
        case 6:
            guard packet.byteCount >= IPv6Field.headerLength else { return nil }
            version = .v6
            if packet.byte(at: IPv6Field.nextHeader) == PacketSummary.fragmentHeader {
                header = IPv6FragmentField.headersLength
                guard packet.byteCount >= header, packet.uint16(at: IPv6FragmentField.offsetAndMore) & 0xfff8 == 0
                else { return nil }
                number = packet.byte(at: IPv6FragmentField.nextHeader)
            } else {
                header = IPv6Field.headerLength
                number = packet.byte(at: IPv6Field.nextHeader)
            }
        default: return nil
        }
        (source, destination) = PacketSummary.addresses(in: packet, version)
        switch TransportProtocol(rawValue: number) {
        case .icmp, .icmpv6:
            let request = version == .v4 ? ICMPMessage.echoRequest : ICMPMessage.echoRequestV6
            guard packet.byteCount > header, packet.byte(at: header + ICMPField.type) == request else { return nil }
            tcp = nil
        case .tcp:
            let summary = (try? PacketSummary(validating: packet)) ?? (try? PacketSummary(fragment: packet))
            guard let summary, summary.tcpFlags & TCPFlags.rst == 0 else { return nil }
            tcp = summary
        case .udp, nil: tcp = nil
        }
    }

    /// Writes the answer to the front of `output`, which has to have room for 1,280 bytes.
    ///
    /// - Parameter packet: the one that is answered.
    /// - Returns: bytes of the answer.
    public func write(answering packet: RawSpan, into output: inout MutableRawSpan) -> Int {
        if let tcp {
            let flags = TCPFlags.rst | TCPFlags.ack
            return TCPSegment(answering: packet, summary: tcp, flags: flags).write(into: &output)
        }
        let start = IPHeader.length(version)
        let longest = version == .v4 ? Self.longestIPv4 : Self.longestIPv6
        let quote = packet.prefix(min(packet.byteCount, longest - start - ICMPField.headerLength))
        let length = start + ICMPField.headerLength + quote.byteCount
        let transport = version == .v4 ? TransportProtocol.icmp : .icmpv6
        IPHeader(version, from: destination, to: source, transport).write(into: &output, packetLength: length)
        output.store(
            version == .v4 ? ICMPMessage.destinationUnreachable : ICMPMessage.destinationUnreachableV6,
            at: start + ICMPField.type
        )
        let code = version == .v4 ? ICMPMessage.prohibited : ICMPMessage.prohibitedV6
        output.store(code, at: start + ICMPField.code)
        output.store(UInt16(0), at: start + ICMPField.checksum)
        output.store(UInt32(0), at: start + ICMPField.identifier)
        output.copy(from: quote, at: start + ICMPField.headerLength)
        var sum = InternetChecksum.sum(output.bytes.slice(at: start, count: length - start))
        if version == .v6 {
            sum += InternetChecksum.pseudoHeaderSum(
                source: destination,
                destination: source,
                protocol: .icmpv6,
                length: length - start,
                version: .v6
            )
        }
        output.store(~InternetChecksum.fold(sum), at: start + ICMPField.checksum)
        return length
    }
}
