internal import IPPacket
internal import PacketTunnelTestKit

/// A UDP packet as a device had it.
struct CapturedPacket {
    let bytes: [UInt8]
    let summary: PacketSummary

    /// nil for anything but a whole UDP packet.
    init?(_ bytes: [UInt8]) {
        guard let summary = try? PacketSummary(validating: bytes.span.bytes), summary.transport == .udp else {
            return nil
        }
        self.bytes = bytes
        self.summary = summary
    }

    var payload: ArraySlice<UInt8> { bytes[summary.headerLength...] }
    var route: String { "\(summary.source) -> \(summary.destination)" }

    /// True if every checksum is right. A sender may leave UDP's to its device: the field has the pseudo-header's sum then.
    var hasRightChecksums: Bool {
        let offset = summary.offsetOfTransportChecksum
        if UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) == PacketBuilder.pseudoHeaderSum(bytes) {
            return true
        }
        return PacketBuilder.checksumsAreValid(bytes)
    }

    /// What stands at this byte.
    func field(at offset: Int) -> String {
        let transport = summary.ipHeaderLength
        let fields: [(end: Int, name: String)] =
            summary.version == .v4
            ? [(10, "IP header"), (12, "header checksum"), (16, "source address"), (20, "destination address")]
            : [(8, "IP header"), (24, "source address"), (40, "destination address")]
        let all =
            fields + [
                (transport + 4, "ports"), (transport + 6, "UDP length"), (transport + 8, "UDP checksum"),
                (bytes.count, "payload"),
            ]
        return all.first { offset < $0.end }?.name ?? "payload"
    }
}
