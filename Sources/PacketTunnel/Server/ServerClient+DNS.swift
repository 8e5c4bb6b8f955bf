internal import IPPacket

/// Names that the client may not look up: its queries, and what it is answered.
extension ServerClient {
    /// Refuses a datagram that asks for a name that the client may not look up.
    func admitQuery(
        in packet: RawSpan,
        summary: PacketSummary,
        offload: PacketOffload
    ) throws(RejectReason) {
        guard let allowsDomain = hooks.allowsDomain, summary.transport == .udp else { return }
        // Only the first of several queries would be looked at.
        guard !offload.isSuperPacket else { throw .invalidDNSMessage }
        let question = try DNSQuestion(parsing: packet.suffix(from: summary.headerLength))
        guard allowsDomain(question.name) else { throw .disallowedDomain }
    }

    /// Answers a query for a name that the client may not look up, so that it need not wait for nothing.
    func answerRefused(_ query: RawSpan) {
        guard let summary = try? PacketSummary(validating: query) else { return }
        sendAnswer(to: summary) { output in
            DNSReply.refusedPacket(to: query, summary: summary, into: &output)
        }
    }

    /// What judges the names asked for in a new flow; nil where nothing has to.
    func makeDNSStream(_ key: FlowKey) -> DNSStream? {
        guard hooks.allowsDomain != nil, key.transport == .tcp, key.remotePort == PacketSummary.dnsPort else {
            return nil
        }
        return DNSStream(limit: Int(UInt16.max))
    }

    /// Judges a segment to a resolver. Where it ends the connection, both ends are told.
    ///
    /// - Parameter target: the packet's summary, but with the destination that it would leave the server with.
    func admitSegment(
        _ packet: RawSpan,
        summary: PacketSummary,
        target: PacketSummary,
        of stream: DNSStream
    ) throws(RejectReason) {
        guard let allowsDomain = hooks.allowsDomain else { return }
        let payload = packet.suffix(from: summary.headerLength)
        let sequence = packet.uint32(at: summary.ipHeaderLength + 4)
        switch stream.judge(payload, sequence: sequence, flags: summary.tcpFlags, allows: allowsDomain) {
        case .pass: return
        case .wait: throw .invalidDNSMessage
        case .end(let reason):
            resetResolver(target, sequence: stream.expectedSequence(otherwise: sequence))
            if reason == .disallowedDomain {
                answerRefused(stream.refusedQuery, asking: packet, summary: summary)
            } else {
                answer(packet, summary: summary, flags: TCPFlags.rst | TCPFlags.ack)
            }
            throw reason
        case .isOver:
            // Nothing is due to an acknowledgement; the client's own end is acknowledged, so that it can close.
            if payload.byteCount > 0 {
                answer(packet, summary: summary, flags: TCPFlags.rst | TCPFlags.ack)
            } else if summary.tcpFlags & TCPFlags.fin != 0 {
                answer(packet, summary: summary, flags: TCPFlags.ack)
            }
            throw .disallowedDomain
        }
    }

    /// Frees the resolver of a connection on which nothing more will come.
    private func resetResolver(_ target: PacketSummary, sequence: UInt32) {
        guard let session else { return }
        let segment = TCPSegment(resetting: target, source: session.address(target.version), sequence: sequence)
        let buffer = worker.pool.take(for: PacketBufferPool.smallCapacity)
        var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer.space)
        buffer.length = segment.write(into: &bytes)
        let packet = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(buffer.bytes))
        if let summary = try? PacketSummary(validating: packet) {
            unsafe worker.writer.write(buffer.bytes, summary: summary, offload: .none)
            worker.writer.flush()
        }
        worker.pool.release(buffer)
    }

    private func answerRefused(_ query: [UInt8], asking packet: RawSpan, summary: PacketSummary) {
        let flags = TCPFlags.ack | TCPFlags.psh | TCPFlags.fin
        let segment = TCPSegment(answering: packet, summary: summary, flags: flags)
        sendAnswer(to: summary) { output in
            var message = output.suffix(from: segment.headerLength + 2)
            let length = unsafe DNSReply.refused(to: query.span.bytes, into: &message)
            output.store(UInt16(length), at: segment.headerLength)
            return segment.write(into: &output, payloadLength: length > 0 ? 2 + length : 0)
        }
    }

    private func answer(_ packet: RawSpan, summary: PacketSummary, flags: UInt8) {
        let segment = TCPSegment(answering: packet, summary: summary, flags: flags)
        sendAnswer(to: summary) { output in segment.write(into: &output) }
    }

    /// Queues what `write` makes for the client; nothing if it makes nothing.
    private func sendAnswer(to summary: PacketSummary, write: (inout MutableRawSpan) -> Int) {
        let answer = worker.pool.takeLarge()
        var bytes = unsafe MutableRawSpan(_unsafeBytes: answer.space)
        answer.length = write(&bytes)
        guard answer.length > 0 else { return worker.pool.release(answer) }
        var described = summary
        described.packetLength = answer.length
        if !sender.enqueue(answer, summary: described, now: worker.loop.now) { worker.pool.release(answer) }
        owesAnswer = true
    }
}
