internal import IPPacket

/// What the server says itself: to a client about a packet that was refused, and to resolvers.
extension ServerClient {
    /// Tells the client that a packet was refused, where that is due.
    func answerRefusal(_ packet: RawSpan, reason: RejectReason) {
        switch reason {
        case .disallowedDomain, .invalidDNSMessage:
            guard let summary = try? PacketSummary(validating: packet) else { return }
            if summary.transport == .udp {
                guard reason == .disallowedDomain else { return }
                sendAnswer(to: summary) { DNSReply.refusedPacket(to: packet, summary: summary, into: &$0) }
            } else {
                answerSegment(packet, summary: summary)
            }
        default:
            guard worker.rules.refusals == .reject, reason.isExplained else { return }
            explainRefusal(packet)
        }
    }

    /// Resets a TCP connection, or says "administratively prohibited": never to an address that is not the client's.
    private func explainRefusal(_ packet: RawSpan) {
        guard let answer = RefusalAnswer(to: packet), answer.isDue else { return }
        let original = answer.version == .v4 ? originalIPv4 : originalIPv6
        guard original == nil || original == answer.source, refusalBudget.take(1, now: worker.loop.now) else { return }
        var buffer = worker.pool.takeLarge()
        var bytes = unsafe MutableRawSpan(_unsafeBytes: buffer.space)
        buffer.length = answer.write(answering: packet, into: &bytes)
        enqueueAnswer(buffer)
    }

    // MARK: DNS over TCP

    /// Acts on the verdict of a connection's stream: where it ended the connection, both ends are told.
    private func answerSegment(_ packet: RawSpan, summary: PacketSummary) {
        guard let slot = flows.find(FlowKey(upstream: summary), now: worker.loop.now),
            let stream = flows[slot].dnsStream
        else { return }
        switch stream.takeVerdict() {
        case .end(let reason):
            let sequence = packet.uint32(at: summary.ipHeaderLength + TCPField.sequence)
            var target = summary
            if let resolver = flows[slot].resolver { target.destination = resolver }
            resetResolver(target, sequence: stream.expectedSequence(otherwise: sequence))
            if reason == .disallowedDomain {
                answerRefused(stream.refusedQuery, asking: packet, summary: summary)
            } else {
                answer(packet, summary: summary, flags: TCPFlags.rst | TCPFlags.ack)
            }
        case .isOver:
            // A bare acknowledgement gets no answer. The client's FIN is acknowledged, so that it can close.
            if summary.payloadLength > 0 {
                answer(packet, summary: summary, flags: TCPFlags.rst | TCPFlags.ack)
            } else if summary.tcpFlags & TCPFlags.fin != 0 {
                answer(packet, summary: summary, flags: TCPFlags.ack)
            }
        case .pass, .wait: return
        }
    }

    /// Frees the resolver of a connection on which nothing more will come.
    private func resetResolver(_ target: PacketSummary, sequence: UInt32) {
        guard let session else { return }
        let segment = TCPSegment(resetting: target, source: session.address(target.version), sequence: sequence)
        var buffer = worker.pool.take(for: PacketBufferPool.smallCapacity)
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

    // MARK: Sending

    /// Queues what `write` makes for the client; nothing if it makes nothing.
    private func sendAnswer(to summary: PacketSummary, write: (inout MutableRawSpan) -> Int) {
        var answer = worker.pool.takeLarge()
        var bytes = unsafe MutableRawSpan(_unsafeBytes: answer.space)
        answer.length = write(&bytes)
        enqueueAnswer(answer)
    }

    /// Queues a packet that the server has made itself.
    private func enqueueAnswer(_ answer: consuming PacketBuffer) {
        let packet = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(answer.bytes))
        guard answer.length > 0, let summary = try? PacketSummary(validating: packet) else {
            return worker.pool.release(answer)
        }
        answer.isCounted = false
        worker.pool.release(sender.enqueue(answer, summary: summary, now: worker.loop.now))
        owesAnswer = true
    }

    /// Sends a copy of a query that is on its way to the device to a resolver that has been silent. Its answer counts, and
    /// reaches the client as a second one, which resolvers' clients expect to happen (RFC 1035 §7.3).
    func probe(
        _ resolver: IPAddress,
        with packet: UnsafeMutableRawBufferPointer,
        summary: PacketSummary,
        offload: PacketOffload
    ) {
        var copy = worker.pool.takeLarge()
        copy.length = packet.count
        unsafe copy.bytes.copyMemory(from: UnsafeRawBufferPointer(packet))
        var bytes = unsafe MutableRawSpan(_unsafeBytes: copy.bytes)
        var summary = summary
        AddressRewriter.replaceDestination(
            of: &bytes,
            summary: &summary,
            with: resolver,
            checksumIsPartial: offload.checksumIsPartial
        )
        unsafe worker.writer.write(copy.bytes, summary: summary, offload: offload)
        worker.writer.flush()
        worker.pool.release(copy)
    }
}

extension RefusalAnswer {
    /// True unless one of the two addresses is one that nobody may be answered for or at.
    var isDue: Bool {
        TrafficPolicy.isUnicast(source, version) && TrafficPolicy.isUnicast(destination, version)
    }
}

extension RejectReason {
    /// True for what a rule forbids: its sender should not wait for an answer. What is malformed, too much, or forged is
    /// dropped.
    var isExplained: Bool {
        switch self {
        case .invalidIPHeaderProtocol, .invalidDestinationAddress, .disallowedTCPDestinationPort,
            .disallowedUDPDestinationPort, .noDNSResolvers, .fragment:
            true
        default: false
        }
    }
}
