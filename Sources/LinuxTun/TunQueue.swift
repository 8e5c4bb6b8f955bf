internal import CLinuxTun
public import EventLoop
internal import Glibc
public import IPPacket
public import PacketTunnel

/// One queue of a tun device, owned by one event loop.
///
/// Linux returns the packets of a flow through the queue that wrote the flow last, so a loop that writes to its own
/// queue also gets the answers. Every member but `name` and `mtu` is for the loop's thread. Reading and writing
/// allocate nothing.
public final class TunQueue: PacketDevice, @unchecked Sendable {
    /// The interface's name.
    public let name: String
    /// The interface's MTU in bytes.
    public let mtu: Int
    /// The loop that owns this queue.
    public let loop: EventLoop
    /// Super-packets and partial checksums may be written.
    public var supportsOffload: Bool { true }
    /// UDP super-packets may be written, and are read. False before Linux 6.2.
    public let supportsUDPOffload: Bool

    /// Called once on the loop's thread when the interface was removed behind the queue's back. Nothing is read or
    /// written afterwards.
    public var deviceDidDisappear: (() -> Void)?

    private var descriptor: Int32
    private var watch: DescriptorWatch?
    private let vectors: UnsafeMutablePointer<iovec>

    init(descriptor: Int32, name: String, mtu: Int, loop: EventLoop, supportsUDPOffload: Bool) {
        self.descriptor = descriptor
        self.name = name
        self.mtu = mtu
        self.loop = loop
        self.supportsUDPOffload = supportsUDPOffload
        // One more than the parts of a packet, for the virtio header.
        vectors = .allocate(capacity: PacketParts.capacity + 1)
        vectors.initialize(repeating: iovec(), count: PacketParts.capacity + 1)
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
        vectors.deallocate()
    }

    /// Starts calling `readable` while packets wait. Level-triggered: whoever leaves packets is called again.
    public func start(readable: @escaping () -> Void) {
        loop.preconditionCurrent()
        precondition(watch == nil && descriptor >= 0, "a queue is started once, before it is closed")
        watch = DescriptorWatch(
            descriptor,
            loop: loop,
            readable: readable,
            ended: { [unowned self] in
                close()
                deviceDidDisappear?()
            }
        )
    }

    /// Reads one packet; nil if none waits.
    public func read(into buffer: inout MutableRawSpan) -> DevicePacket? {
        var header = linuxtun_virtio_header()
        let length = buffer.withUnsafeMutableBytes { bytes in
            linuxtun_read(descriptor, &header, bytes.baseAddress, bytes.count)
        }
        guard length > 0 else { return nil }
        return DevicePacket(length: length, offload: header.offload)
    }

    /// Writes one packet, with a header made from its summary. False if the interface is down or refuses it.
    public func write(
        _ parts: borrowing PacketParts,
        summary: borrowing PacketSummary,
        offload: PacketOffload
    ) -> Bool {
        var header = linuxtun_virtio_header(summary, offload)
        let count = parts.count
        for index in 0..<count {
            let part = parts[index]
            vectors[index + 1] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress),
                iov_len: part.count
            )
        }
        return linuxtun_write(descriptor, &header, vectors, Int32(truncatingIfNeeded: count)) > 0
    }

    /// Gives the queue back; with the last queue the interface vanishes. On the loop's thread. Idempotent.
    public func close() {
        guard descriptor >= 0 else { return }
        watch?.cancel()
        watch = nil
        Glibc.close(descriptor)
        descriptor = -1
    }
}
