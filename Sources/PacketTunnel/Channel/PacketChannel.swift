/// Packets over a byte transport, one by one: the seed's `Channel`.
///
/// For programs that speak a channel themselves instead of handing it to `PacketTunnelServer` or `PacketTunnelClient`. It
/// uses their framings. A packet costs an allocation and a change of threads here, which their own path does not.
///
/// May be used from any task. Several tasks may read, each packet goes to one of them; several may write, each packet
/// stays whole. Super-packets of `tun-gso@packet-tunnel.internal` arrive cut into packets.
public final class PacketChannel: Sendable {
    /// Bytes of received packets that wait for a reader by default; what comes above is dropped.
    public static let defaultReceiveLimitInBytes = 512 << 10

    private let end: LoopBound<PacketChannelEnd>
    private let inbox: PacketInbox

    /// Takes `transport` over; nobody else may use it from here on.
    ///
    /// - Parameters:
    ///   - framing: how packets are laid into the transport, as the other side lays them.
    ///   - mtu: bytes of the largest packet; 0 for the default.
    ///   - receiveLimitInBytes: bytes of received packets that may wait for a reader.
    public init(
        transport: sending any PacketTransport,
        framing: ChannelFraming = .psiphon,
        mtu: Int = TunnelDefaults.mtu,
        receiveLimitInBytes: Int = PacketChannel.defaultReceiveLimitInBytes
    ) {
        let inbox = PacketInbox(limitInBytes: receiveLimitInBytes)
        let loop = transport.loop
        let end = PacketChannelEnd(transport: transport, framing: framing, mtu: TunnelDefaults.mtu(mtu), inbox: inbox)
        self.inbox = inbox
        self.end = LoopBound(end, on: loop)
        self.end.execute { $0.start() }
    }

    /// All packets that arrive, until the channel is closed.
    public var packets: PacketSequence { PacketSequence(inbox: inbox) }

    /// Received packets that were dropped because nobody read them in time.
    public var droppedPacketCount: Int { inbox.droppedCount }

    /// Waits for one full packet.
    ///
    /// - Throws: `closed` at the end of the channel, `cancelled`.
    public func readPacket() async throws(PacketStreamError) -> [UInt8] { try await inbox.next() }

    /// Writes one packet; returns when the transport has taken it. Cancelling the task does not take it back.
    ///
    /// - Throws: `tooLong` above the MTU, `notAPacket` if it is empty or of no IP version, `closed`.
    public func writePacket(_ packet: [UInt8]) async throws(PacketStreamError) {
        try await perform { end, completion in end.writePacket(packet, completion: completion) }
    }

    /// Writes a run of packets that are framed already, as `PacketQueue.dequeueFramedPackets` returns them.
    ///
    /// - Throws: `hasMessageBoundaries` for `tun@openssh.com`, `closed`.
    public func writeFramedPackets(_ frames: [UInt8]) async throws(PacketStreamError) {
        try await perform { end, completion in end.writeFrames(frames, completion: completion) }
    }

    /// Ends the channel and its transport: tasks that read or write are interrupted. Idempotent.
    public func close() {
        inbox.finish(reason: "closed")
        end.execute { $0.close() }
    }

    private func perform(
        _ work: @escaping @Sendable (PacketChannelEnd, @escaping (PacketStreamError?) -> Void) -> Void
    ) async throws(PacketStreamError) {
        let end = end
        let error: PacketStreamError? = await withCheckedContinuation { continuation in
            end.execute { end in work(end) { continuation.resume(returning: $0) } }
        }
        if let error { throw error }
    }
}
