/// The header fields, beside addresses and ports, that all packets of a coalesced run have in common.
@frozen @usableFromInline struct SharedHeaderFields: Sendable {
    /// IPv4: type of service, fragment bits, time to live. IPv6: traffic class, flow label, hop limit.
    @usableFromInline let network: UInt64
    /// The acknowledgement number.
    @usableFromInline let acknowledgement: UInt32
    /// Data offset, flags but those that may end a run, and window.
    @usableFromInline let control: UInt32
    /// The urgent pointer, which means nothing without its flag, but would be lost.
    @usableFromInline let urgentPointer: UInt16
    /// The TCP options, 40 bytes at the most, in whole words.
    @usableFromInline let options: [10 of UInt32]

    init(of packet: RawSpan, summary: PacketSummary) {
        let start = summary.ipHeaderLength
        network = Self.network(of: packet, summary.version)
        var options: [10 of UInt32] = .init(repeating: 0)
        if summary.transport == .tcp {
            acknowledgement = packet.uint32(at: start + TCPField.acknowledgement)
            control = Self.control(of: packet, at: start)
            urgentPointer = packet.uint16(at: start + TCPField.urgentPointer)
            for index in 0..<((summary.transportHeaderLength - TCPField.options) / 4) {
                options[index] = packet.uint32(at: start + TCPField.options + index * 4)
            }
        } else {
            acknowledgement = 0
            control = 0
            urgentPointer = 0
        }
        self.options = options
    }

    /// True if a packet of the same flow, version and header length has the same fields.
    func matches(_ packet: RawSpan, summary: PacketSummary) -> Bool {
        guard Self.network(of: packet, summary.version) == network else { return false }
        guard summary.transport == .tcp else { return true }
        let start = summary.ipHeaderLength
        guard packet.uint32(at: start + TCPField.acknowledgement) == acknowledgement,
            Self.control(of: packet, at: start) == control,
            packet.uint16(at: start + TCPField.urgentPointer) == urgentPointer
        else { return false }
        for index in 0..<((summary.transportHeaderLength - TCPField.options) / 4)
        where options[index] != packet.uint32(at: start + TCPField.options + index * 4) {
            return false
        }
        return true
    }

    private static func network(of packet: RawSpan, _ version: IPVersion) -> UInt64 {
        switch version {
        case .v4:
            UInt64(packet.uint16(at: IPv4Field.versionAndLength)) << 32 | UInt64(packet.uint32(at: IPv4Field.fragment))
        case .v6:
            UInt64(packet.uint32(at: IPv6Field.versionAndFlow)) << 32 | UInt64(packet.uint16(at: IPv6Field.nextHeader))
        }
    }

    private static func control(of packet: RawSpan, at start: Int) -> UInt32 {
        packet.uint32(at: start + TCPField.dataOffset) & ~(UInt32(TCPFlags.fin | TCPFlags.psh) << 16)
    }
}
