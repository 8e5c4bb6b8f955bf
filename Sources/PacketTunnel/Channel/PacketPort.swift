internal import IPPacket

/// The packets of a device, one by one: `ReadPacket` and `WritePacket` of the seed's `Device`.
///
/// For programs that relay packets themselves. It reads and writes with the machinery of the server and the client, so
/// super-packets arrive cut and consecutive writes of one flow are not joined. May be used from any task; several tasks may
/// read, each packet goes to one of them, and several may write.
public final class PacketPort: Sendable {
    /// The interface's name; empty for a foreign descriptor.
    public let name: String
    /// Bytes of the largest packet.
    public let mtu: Int

    private let end: LoopBound<PacketPortEnd>
    private let inbox: PacketInbox

    /// Takes `device` over and begins to read it.
    ///
    /// - Parameters:
    ///   - loop: the device's own.
    ///   - receiveLimitInBytes: bytes of packets that may wait for a reader; what comes above is dropped, as the kernel
    ///     does with a full queue.
    public init(
        device: sending any PacketDevice,
        loop: any PacketLoop,
        receiveLimitInBytes: Int = PacketChannel.defaultReceiveLimitInBytes
    ) {
        name = device.name
        mtu = device.mtu
        let inbox = PacketInbox(limitInBytes: receiveLimitInBytes)
        self.inbox = inbox
        end = LoopBound(PacketPortEnd(device: device, loop: loop, inbox: inbox), on: loop)
        end.execute { $0.start() }
    }

    /// The loop closes a device that nobody has closed: it may be reading just now.
    deinit {
        inbox.finish(reason: "closed")
        end.execute { $0.close() }
    }

    /// All packets that arrive, until the device is closed.
    public var packets: PacketSequence { PacketSequence(inbox: inbox) }

    /// Packets that were dropped because nobody read them in time.
    public var droppedPacketCount: Int { inbox.droppedCount }

    /// Waits for one full packet.
    ///
    /// - Throws: `closed`, `cancelled`.
    public func readPacket() async throws(PacketStreamError) -> [UInt8] { try await inbox.next() }

    /// Writes one full packet.
    ///
    /// - Throws: `notAPacket` with the rule that it breaks, `tooLong`, `notTaken` if the device refuses it, `closed`.
    public func writePacket(_ packet: [UInt8]) async throws(PacketStreamError) {
        let end = end
        let error: PacketStreamError? = await withCheckedContinuation { continuation in
            end.execute { continuation.resume(returning: $0.write(packet)) }
        }
        if let error { throw error }
    }

    /// Closes the device: tasks that read are interrupted. Returns when it is closed. Idempotent.
    public func close() async {
        inbox.finish(reason: "closed")
        let end = end
        await withCheckedContinuation { continuation in
            end.execute { end in
                end.close()
                continuation.resume()
            }
        }
    }
}

/// The part of a `PacketPort` that lives on the device's loop.
final class PacketPortEnd {
    private let reader: DeviceReader
    private var writer: DeviceWriter
    private let mtu: Int
    private let loop: any PacketLoop
    private let inbox: PacketInbox
    private var isClosed = false

    init(device: any PacketDevice, loop: any PacketLoop, inbox: PacketInbox) {
        let pool = PacketBufferPool()
        reader = DeviceReader(device: device, pool: pool)
        writer = DeviceWriter(device: device, pool: pool)
        mtu = device.mtu
        self.loop = loop
        self.inbox = inbox
    }

    func start() {
        guard !isClosed else { return }
        reader.start { [weak self] in self?.readBatch() }
    }

    private func readBatch() {
        let isFlood = reader.readBatch { packet in
            do throws(RejectReason) {
                unsafe try PlainPackets.forEach(of: packet.bytes, offload: packet.offload) { inbox.put($0) }
            } catch {
                inbox.refuse()
            }
            return packet
        }
        if isFlood { loop.yieldProcessor() }
    }

    func write(_ packet: [UInt8]) -> PacketStreamError? {
        guard !isClosed else { return .closed(reason: "closed") }
        guard packet.count <= mtu else { return .tooLong(length: packet.count, limit: mtu) }
        var packet = packet
        do throws(RejectReason) {
            let summary = try unsafe PacketSummary(validating: packet.span.bytes)
            unsafe packet.withUnsafeMutableBytes { bytes in
                unsafe writer.write(bytes, summary: summary, offload: .none)
                writer.flush()
            }
        } catch {
            return .notAPacket(error)
        }
        return writer.takeDropped() == nil ? nil : .notTaken
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        reader.stop()
        inbox.finish(reason: "closed")
    }
}
