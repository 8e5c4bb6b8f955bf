/// The IP header of a packet that the tunnel makes itself: no options, hop limit 64, never fragmented.
struct IPHeader {
    private static let hopLimit: UInt8 = 64

    private let version: IPVersion
    private let source: IPAddress
    private let destination: IPAddress
    private let transport: TransportProtocol

    init(_ version: IPVersion, from source: IPAddress, to destination: IPAddress, _ transport: TransportProtocol) {
        self.version = version
        self.source = source
        self.destination = destination
        self.transport = transport
    }

    /// Bytes of the header.
    static func length(_ version: IPVersion) -> Int { version == .v4 ? IPv4Field.headerLength : IPv6Field.headerLength }

    /// Writes the header to the front of `output`.
    ///
    /// - Parameter packetLength: bytes of the whole packet.
    func write(into output: inout MutableRawSpan, packetLength: Int) {
        switch version {
        case .v4:
            output.store(0x4500_0000 | UInt32(packetLength), at: IPv4Field.versionAndLength)
            // No identification, and no fragments (RFC 6864 §4.1).
            output.store(0x0000_4000 as UInt32, at: IPv4Field.identification)
            output.store(Self.hopLimit, at: IPv4Field.timeToLive)
            output.store(transport.rawValue, at: IPv4Field.transport)
            output.store(source.ipv4, at: IPv4Field.source)
            output.store(destination.ipv4, at: IPv4Field.destination)
            Self.completeChecksum(of: &output)
        case .v6:
            output.store(0x6000_0000 as UInt32, at: IPv6Field.versionAndFlow)
            output.store(UInt16(packetLength - IPv6Field.headerLength), at: IPv6Field.payloadLength)
            output.store(transport.rawValue, at: IPv6Field.nextHeader)
            output.store(Self.hopLimit, at: IPv6Field.hopLimit)
            output.store(source.bits, at: IPv6Field.source)
            output.store(destination.bits, at: IPv6Field.destination)
        }
    }

    private static func completeChecksum(of output: inout MutableRawSpan) {
        output.store(UInt16(0), at: IPv4Field.checksum)
        let sum = InternetChecksum.sum(output.bytes.prefix(IPv4Field.headerLength))
        output.store(~InternetChecksum.fold(sum), at: IPv4Field.checksum)
    }
}
