extension DNSReply {
    /// Writes the whole packet that answers the query in `packet` with REFUSED: headers with the two ends exchanged.
    ///
    /// - Parameters:
    ///   - packet: a UDP packet with a DNS query.
    ///   - summary: what `PacketSummary(validating:)` said of it.
    ///   - output: at least as long as `packet`.
    /// - Returns: the answer's length; 0 if there is nothing to answer.
    public static func refusedPacket(
        to packet: RawSpan,
        summary: PacketSummary,
        into output: inout MutableRawSpan
    ) -> Int {
        guard summary.transport == .udp else { return 0 }
        let start = summary.headerLength
        output.copy(from: packet.prefix(start), at: 0)
        var message = output.suffix(from: start)
        let messageLength = refused(to: packet.suffix(from: start), into: &message)
        guard messageLength > 0 else { return 0 }
        exchangeEnds(of: packet, summary: summary, in: &output)
        let length = start + messageLength
        let udpLength = UInt16(length - summary.ipHeaderLength)
        switch summary.version {
        case .v4:
            output.store(UInt16(length), at: 2)
            output.store(UInt8(64), at: 8)
            output.store(UInt16(0), at: 10)
            output.store(~InternetChecksum.fold(InternetChecksum.sum(output.bytes.prefix(20))), at: 10)
        case .v6:
            output.store(udpLength, at: 4)
            output.store(UInt8(64), at: 7)
        }
        let udp = summary.ipHeaderLength
        output.store(udpLength, at: udp + 4)
        output.store(UInt16(0), at: udp + 6)
        let pseudo = InternetChecksum.pseudoHeaderSum(
            source: summary.destination,
            destination: summary.source,
            protocol: .udp,
            length: Int(udpLength),
            version: summary.version
        )
        let sum = InternetChecksum.sum(output.bytes.prefix(length).suffix(from: udp), initial: pseudo)
        let checksum = ~InternetChecksum.fold(sum)
        // A computed 0 is sent as all ones (RFC 768).
        output.store(checksum == 0 ? 0xffff : checksum, at: udp + 6)
        return length
    }

    private static func exchangeEnds(of packet: RawSpan, summary: PacketSummary, in output: inout MutableRawSpan) {
        let (first, size) = summary.version == .v4 ? (12, 4) : (8, 16)
        output.copy(from: packet.slice(at: first + size, count: size), at: first)
        output.copy(from: packet.slice(at: first, count: size), at: first + size)
        output.store(summary.destinationPort, at: summary.ipHeaderLength)
        output.store(summary.sourcePort, at: summary.ipHeaderLength + 2)
    }
}
