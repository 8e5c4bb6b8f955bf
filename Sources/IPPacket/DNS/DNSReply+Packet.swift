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
        var message = output.suffix(from: start)
        let messageLength = refused(to: packet.suffix(from: start), into: &message)
        guard messageLength > 0 else { return 0 }
        let length = start + messageLength
        let header = IPHeader(summary.version, from: summary.destination, to: summary.source, .udp)
        header.write(into: &output, packetLength: length)
        let udp = summary.ipHeaderLength
        let udpLength = UInt16(length - udp)
        output.store(summary.destinationPort, at: udp + UDPField.sourcePort)
        output.store(summary.sourcePort, at: udp + UDPField.destinationPort)
        output.store(udpLength, at: udp + UDPField.length)
        output.store(UInt16(0), at: udp + UDPField.checksum)
        let pseudo = InternetChecksum.pseudoHeaderSum(
            source: summary.destination,
            destination: summary.source,
            protocol: .udp,
            length: Int(udpLength),
            version: summary.version
        )
        let sum = InternetChecksum.sum(output.bytes.prefix(length).suffix(from: udp), initial: pseudo)
        let checksum = AddressRewriter.finished(~InternetChecksum.fold(sum), transport: .udp)
        output.store(checksum, at: udp + UDPField.checksum)
        return length
    }
}
