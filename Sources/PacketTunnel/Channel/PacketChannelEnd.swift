internal import IPPacket

/// The part of a `PacketChannel` that lives on the transport's loop: it cuts what arrives into packets, and writes one frame
/// after the other.
final class PacketChannelEnd: PacketTransportReceiver {
    private struct Outgoing {
        let frames: [UInt8]
        let completion: (PacketStreamError?) -> Void
    }

    private let transport: any PacketTransport
    private let framing: ChannelFraming
    private let mtu: Int
    private let inbox: PacketInbox
    private let pool = PacketBufferPool()
    private var decoder: FrameDecoder
    private var outgoing: [Outgoing] = []
    /// Bytes of the first outgoing frames that the transport has taken.
    private var sent = 0
    private var closedReason: String?

    init(transport: any PacketTransport, framing: ChannelFraming, mtu: Int, inbox: PacketInbox) {
        self.transport = transport
        self.framing = framing
        self.mtu = mtu
        self.inbox = inbox
        decoder = FrameDecoder(framing: framing, mtu: mtu, pool: pool)
    }

    deinit { decoder.removeAll() }

    func start() { transport.setReceiver(self) }

    // MARK: Writing

    func writePacket(_ packet: [UInt8], completion: @escaping (PacketStreamError?) -> Void) {
        guard packet.count <= mtu else { return completion(.tooLong(length: packet.count, limit: mtu)) }
        guard let first = packet.first, [4, 6].contains(first >> 4) else {
            return completion(.notAPacket(packet.isEmpty ? .invalidIPPacketLength : .invalidIPHeaderVersion))
        }
        let messageSize = transport.preferredWriteSize
        guard framing != .openSSH || packet.count + framing.headerLength <= messageSize else {
            return completion(.tooLong(length: packet.count, limit: messageSize - framing.headerLength))
        }
        var buffer = pool.take(for: packet.count)
        buffer.length = packet.count
        unsafe buffer.bytes.copyBytes(from: packet)
        framing.frame(&buffer)
        let frame = unsafe Array(buffer.bytes)
        pool.release(buffer)
        enqueue(Outgoing(frames: frame, completion: completion))
    }

    func writeFrames(_ frames: [UInt8], completion: @escaping (PacketStreamError?) -> Void) {
        guard framing != .openSSH else { return completion(.hasMessageBoundaries) }
        enqueue(Outgoing(frames: frames, completion: completion))
    }

    private func enqueue(_ next: Outgoing) {
        if let closedReason { return next.completion(.closed(reason: closedReason)) }
        outgoing.append(next)
        pump()
    }

    /// Writes what the transport takes now; the rest waits for `transportDidBecomeWritable`.
    private func pump() {
        while let first = outgoing.first {
            let remaining = first.frames.count - sent
            if remaining > 0 {
                let room = min(transport.writableByteCount, transport.preferredWriteSize)
                guard room > 0 else { return transport.notifyWhenWritable() }
                // A message that has to stay whole waits until all of it fits.
                guard framing != .openSSH || room >= remaining else { return }
                let taken = unsafe first.frames.withUnsafeBytes { bytes in
                    unsafe transport.write(RawSpan(_unsafeBytes: bytes[sent..<(sent + min(room, remaining))]))
                }
                guard taken > 0 else { return }
                sent += taken
                guard sent >= first.frames.count else { continue }
            }
            sent = 0
            outgoing.removeFirst()
            first.completion(nil)
        }
    }

    // MARK: The end

    func close() { end(reason: "closed", closesTransport: true) }

    private func end(reason: String, closesTransport: Bool) {
        guard closedReason == nil else { return }
        closedReason = reason
        if closesTransport { transport.close() }
        decoder.removeAll()
        inbox.finish(reason: reason)
        let interrupted = outgoing
        outgoing = []
        for next in interrupted { next.completion(.closed(reason: reason)) }
    }

    // MARK: PacketTransportReceiver

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        guard closedReason == nil else { return }
        do throws(FramingError) {
            try unsafe bytes.withUnsafeMutableBytes { (buffer) throws(FramingError) in
                unsafe try decoder.decode(buffer) { packet, offload in
                    unsafe deliver(packet, offload)
                } flush: {
                }
            }
        } catch {
            end(reason: "broken framing: \(error)", closesTransport: true)
        }
    }

    private func deliver(_ packet: UnsafeMutableRawBufferPointer, _ offload: PacketOffload) {
        do throws(RejectReason) {
            unsafe try PlainPackets.forEach(of: packet, offload: offload) { inbox.put($0) }
        } catch {
            inbox.refuse()
        }
    }

    func transportDidFinishReceiving() { decoder.finish {} }

    func transportDidBecomeWritable() { pump() }

    func transportDidClose(reason: String) { end(reason: reason, closesTransport: false) }
}
