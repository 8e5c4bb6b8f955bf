public import IPPacket

/// Makes whole packets with right lengths and checksums, for tests.
///
/// The family follows from the addresses, which have to be of the same one. Everything allocates; nothing here shares
/// code with what it serves to test.
public enum PacketBuilder {
    /// The fields of an IP header that seldom matter.
    public struct Network: Sendable {
        /// Time to live, or hop limit.
        public var hopLimit: UInt8 = 64
        /// Type of service, or traffic class, with the ECN bits.
        public var trafficClass: UInt8 = 0
        /// The identification; IPv4 only.
        public var identification: UInt16 = 0
        /// Forbids fragments; IPv4 only.
        public var dontFragment = true
        /// The flow label; IPv6 only.
        public var flowLabel: UInt32 = 0

        /// A header as most hosts send it.
        public init() {}

        /// A header with this IPv4 identification.
        public init(identification: UInt16, dontFragment: Bool = true) {
            self.identification = identification
            self.dontFragment = dontFragment
        }
    }

    /// A TCP packet.
    ///
    /// - Parameters:
    ///   - flags: Byte 13 of the header; `TCPFlags` has the bits.
    ///   - options: Filled up with zeros to a multiple of four; 40 bytes at the most.
    public static func tcp(
        source: IPAddress,
        destination: IPAddress,
        sourcePort: UInt16 = 49_152,
        destinationPort: UInt16 = 443,
        sequence: UInt32 = 1,
        acknowledgement: UInt32 = 1,
        flags: UInt8 = TCPFlags.ack,
        window: UInt16 = 0xffff,
        options: [UInt8] = [],
        payload: [UInt8] = [],
        network: Network = Network()
    ) -> [UInt8] {
        let padding = [UInt8](repeating: 0, count: (4 - options.count % 4) % 4)
        var segment = bytes(sourcePort) + bytes(destinationPort) + bytes(sequence) + bytes(acknowledgement)
        segment += [UInt8((20 + options.count + padding.count) / 4) << 4, flags] + bytes(window)
        segment += [0, 0, 0, 0] + options + padding + payload
        return ip(source: source, destination: destination, protocol: 6, payload: segment, network: network)
    }

    /// A UDP packet.
    public static func udp(
        source: IPAddress,
        destination: IPAddress,
        sourcePort: UInt16 = 49_152,
        destinationPort: UInt16 = 443,
        payload: [UInt8] = [],
        network: Network = Network()
    ) -> [UInt8] {
        let datagram =
            bytes(sourcePort) + bytes(destinationPort) + bytes(UInt16(payload.count + 8)) + [0, 0] + payload
        return ip(source: source, destination: destination, protocol: 17, payload: datagram, network: network)
    }

    /// An ICMP or ICMPv6 echo request, or the reply to one.
    public static func icmpEcho(
        source: IPAddress,
        destination: IPAddress,
        identifier: UInt16 = 1,
        sequence: UInt16 = 1,
        isReply: Bool = false,
        payload: [UInt8] = [],
        network: Network = Network()
    ) -> [UInt8] {
        let types: (request: UInt8, reply: UInt8) = source.isIPv4 ? (8, 0) : (128, 129)
        let message = [isReply ? types.reply : types.request, 0, 0, 0] + bytes(identifier) + bytes(sequence) + payload
        return icmp(source: source, destination: destination, message: message, network: network)
    }

    /// An ICMP or ICMPv6 error that quotes `quoted`, or the front of it.
    ///
    /// - Parameter rest: Bytes 4 to 7 of the message, where "packet too big" has its MTU.
    public static func icmpError(
        source: IPAddress,
        destination: IPAddress,
        type: UInt8,
        code: UInt8,
        rest: UInt32 = 0,
        quoting quoted: [UInt8],
        network: Network = Network()
    ) -> [UInt8] {
        icmp(
            source: source,
            destination: destination,
            message: [type, code, 0, 0] + bytes(rest) + quoted,
            network: network
        )
    }

    /// Any message of ICMP or ICMPv6, from its type on.
    public static func icmp(
        source: IPAddress,
        destination: IPAddress,
        message: [UInt8],
        network: Network = Network()
    ) -> [UInt8] {
        ip(
            source: source,
            destination: destination,
            protocol: source.isIPv4 ? 1 : 58,
            payload: message,
            network: network
        )
    }

    /// A packet of any protocol; checksums are filled in where the protocol is known.
    public static func ip(
        source: IPAddress,
        destination: IPAddress,
        protocol number: UInt8,
        payload: [UInt8],
        network: Network = Network()
    ) -> [UInt8] {
        precondition(source.isIPv4 == destination.isIPv4, "both addresses of one family")
        var packet: [UInt8]
        if source.isIPv4 {
            packet = [0x45, network.trafficClass] + bytes(UInt16(20 + payload.count))
            packet += bytes(network.identification) + [network.dontFragment ? 0x40 : 0, 0]
            packet += [network.hopLimit, number, 0, 0] + bytes(source.ipv4) + bytes(destination.ipv4)
        } else {
            packet = bytes(6 << 28 | UInt32(network.trafficClass) << 20 | network.flowLabel & 0xf_ffff)
            packet += bytes(UInt16(payload.count)) + [number, network.hopLimit]
            packet += bytes(source.bits) + bytes(destination.bits)
        }
        packet += payload
        recomputeChecksums(&packet)
        return packet
    }

    private static func bytes<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        stride(from: Value.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> Value($0)) }
    }
}
