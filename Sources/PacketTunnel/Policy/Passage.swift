internal import IPPacket

/// What has been decided about a packet that may pass: how it is rewritten, and the flow that it belongs to.
struct Passage {
    /// What the source address becomes; nil where it stays.
    var source: IPAddress?
    /// What the destination address becomes; nil where it stays.
    var destination: IPAddress?
    /// What an ICMP error quotes, and what the addresses in the quote become.
    var quote: Quote?
    /// The flow's slot; nil for packets that belong to none.
    var slot: Int?
    /// A resolver that is to have a copy of the packet.
    var probed: IPAddress?

    /// The quote in an ICMP error, which has to show the packet as its sender knows it.
    struct Quote {
        var flow: QuotedFlow
        var source: IPAddress?
        var destination: IPAddress?
    }

    /// Rewrites a packet, the quote in it first: the checksums outside cover the quote.
    func apply(to bytes: inout MutableRawSpan, summary: inout PacketSummary, checksumIsPartial: Bool) {
        if let quote { Self.rewrite(quote, in: &bytes, summary: summary) }
        if let source {
            AddressRewriter.replaceSource(
                of: &bytes,
                summary: &summary,
                with: source,
                checksumIsPartial: checksumIsPartial
            )
        }
        if let destination {
            AddressRewriter.replaceDestination(
                of: &bytes,
                summary: &summary,
                with: destination,
                checksumIsPartial: checksumIsPartial
            )
        }
    }

    private static func rewrite(_ quote: Quote, in bytes: inout MutableRawSpan, summary: PacketSummary) {
        let start = quote.flow.ipOffset
        let isIPv4 = summary.version == .v4
        if let source = quote.source {
            replace(at: start + (isIPv4 ? IPv4Field.source : IPv6Field.source), with: source)
        }
        if let destination = quote.destination {
            replace(at: start + (isIPv4 ? IPv4Field.destination : IPv6Field.destination), with: destination)
        }
        let offset = summary.offsetOfTransportChecksum
        bytes.store(UInt16(0), at: offset)
        var sum = InternetChecksum.sum(bytes.bytes.suffix(from: summary.ipHeaderLength))
        if summary.version == .v6 { sum += InternetChecksum.pseudoHeaderSum(summary) }
        bytes.store(~InternetChecksum.fold(sum), at: offset)

        func replace(at offset: Int, with address: IPAddress) {
            guard isIPv4 else { return bytes.store(address.bits, at: offset) }
            let checksum = bytes.uint16(at: start + IPv4Field.checksum)
            let old = bytes.uint32(at: offset)
            bytes.store(address.ipv4, at: offset)
            bytes.store(
                InternetChecksum.adjust(checksum: checksum, removing: old, adding: address.ipv4),
                at: start + IPv4Field.checksum
            )
        }
    }
}
