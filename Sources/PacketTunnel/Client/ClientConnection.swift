internal import IPPacket

/// One connection of a client to its server: transport, framing and queue. Owned by the client's loop.
final class ClientConnection: PacketTransportReceiver {
    /// Strong, which costs least per packet; the client lets go of the connection at its end.
    private let client: PacketTunnelClient
    private let transport: any PacketTransport
    private let framing: ChannelFraming
    private let disconnected: (String) -> Void
    private var decoder: FrameDecoder
    private var sender: ChannelSender
    private var hasEnded = false

    init(
        client: PacketTunnelClient,
        transport: any PacketTransport,
        framing: ChannelFraming,
        disconnected: @escaping (String) -> Void
    ) {
        self.client = client
        self.transport = transport
        self.framing = framing
        self.disconnected = disconnected
        decoder = FrameDecoder(framing: framing, mtu: client.configuration.mtu, pool: client.pool)
        sender = ChannelSender(
            framing: framing,
            pool: client.pool,
            queueLimitInBytes: client.configuration.upstreamQueueLimitInBytes
        )
    }

    /// Queues a packet.
    ///
    /// - Returns: the buffer, unless it went into the queue itself.
    func enqueue(_ packet: consuming PacketBuffer, summary: PacketSummary) -> PacketBuffer? {
        sender.enqueue(packet, summary: summary, now: client.loop.now)
    }

    /// Sends what waits, as far as the transport takes it.
    func flush() {
        guard !hasEnded else { return }
        sender.flush(to: transport, now: client.loop.now)
        if let dropped = sender.takeDropped() { client.refuse(.upstream, dropped) }
    }

    /// Closes the transport without a word to `disconnected`. Idempotent.
    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        transport.close()
        transportDidFinishReceiving()
        decoder.removeAll()
        sender.removeAll()
        client.connectionDidEnd(self)
    }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard !hasEnded else { return }
        do throws(FramingError) {
            try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(FramingError) in
                unsafe try decoder.decode(buffer) { packet, offload in
                    unsafe client.processDownstream(packet, offload: offload, framing: framing)
                } flush: {
                    client.writer.flush()
                }
            }
            countRefused()
        } catch {
            client.refuse(.downstream, .invalidFrame)
            fail("broken framing: \(error)")
        }
    }

    func transportDidFinishReceiving() {
        decoder.finish { client.writer.flush() }
        countRefused()
    }

    private func countRefused() {
        if let dropped = client.writer.takeDropped() { client.refuse(.downstream, dropped) }
    }

    func transportDidBecomeWritable() {
        flush()
    }

    func transportDidClose(reason: String) {
        fail(reason)
    }

    private func fail(_ reason: String) {
        guard !hasEnded else { return }
        end()
        disconnected(reason)
    }
}
