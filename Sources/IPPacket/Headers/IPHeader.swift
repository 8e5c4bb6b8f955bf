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
    static func length(_ version: IPVersion) -> Int { version == .v4 ? 20 : 40 }

    /// Writes the header to the front of `output`.
    ///
    /// - Parameter packetLength: bytes of the whole packet.
    func write(into output: inout MutableRawSpan, packetLength: Int) {
        switch version {
        case .v4:
            output.store(0x4500_0000 | UInt32(packetLength), at: 0)
            // No identification, and no fragments (RFC 6864 §4.1).
            output.store(0x0000_4000 as UInt32, at: 4)
            output.store(Self.hopLimit, at: 8)
            output.store(transport.rawValue, at: 9)
            output.store(UInt16(0), at: 10)
            output.store(source.ipv4, at: 12)
            output.store(destination.ipv4, at: 16)
            output.store(~InternetChecksum.fold(InternetChecksum.sum(output.bytes.prefix(20))), at: 10)
        case .v6:
            output.store(0x6000_0000 as UInt32, at: 0)
            output.store(UInt16(packetLength - 40), at: 4)
            output.store(transport.rawValue, at: 6)
            output.store(Self.hopLimit, at: 7)
            output.store(source.bits, at: 8)
            output.store(destination.bits, at: 24)
        }
    }
}
