internal import IPPacket

/// The way out of a device, in batches: between two of them the channels have their turn.
///
/// Owned by one loop.
final class DeviceReader {
    /// Packets of one batch.
    private static let packetLimit = 64
    /// Bytes after which a batch ends. What arrives meanwhile waits until they are encrypted and sent: a fraction of a
    /// millisecond.
    private static let byteLimit = 128 << 10

    private let device: any PacketDevice
    private let pool: PacketBufferPool
    /// Memory for the next packet: that of the last one, if nobody has kept it.
    private var staging: PacketBuffer?

    init(device: any PacketDevice, pool: PacketBufferPool) {
        self.device = device
        self.pool = pool
    }

    deinit { pool.release(staging.take()) }

    /// Begins to call `readable` whenever packets wait.
    func start(readable: @escaping () -> Void) {
        device.start(readable: readable)
    }

    /// Closes the device.
    func stop() {
        device.close()
        pool.release(staging.take())
    }

    /// Reads what waits, at most a batch.
    ///
    /// - Parameter keep: is given each packet, and gives the buffer back unless it keeps it.
    /// - Returns: true if the batch is full of small packets. The caller then sends what was read and yields
    ///   the processor: where the sender of a flood shares it with the receiver and comes first, the flood waits in places
    ///   where no other flow can overtake it.
    @inline(__always)
    func readBatch(_ keep: (consuming PacketBuffer) -> PacketBuffer?) -> Bool {
        var byteCount = 0
        for _ in 0..<Self.packetLimit {
            guard byteCount < Self.byteLimit else { return false }
            var packet = staging.take() ?? pool.takeLarge()
            var space = unsafe MutableRawSpan(_unsafeBytes: packet.space)
            guard let read = device.read(into: &space) else {
                staging = consume packet
                return false
            }
            packet.length = read.length
            packet.offload = read.offload
            byteCount += read.length
            staging = keep(packet)
        }
        return true
    }
}
