internal import CLinuxNetwork
public import EventLoops
internal import Glibc
public import IPPacket
public import PacketTunnel

/// One event loop's part of a tun device: a few of the kernel's queues.
///
/// Linux returns the packets of a flow through the queue that wrote the flow last, so a loop that writes to its own
/// queues also gets the answers. A flow keeps to one queue, so a flood that overflows its queue costs the flows of the
/// others nothing: packets that the kernel drops are out of reach of fair queueing. Every member but `name` and `mtu` is
/// for the loop's thread. Reading and writing allocate nothing.
public final class TunLane: PacketDevice, @unchecked Sendable {  // used on its loop alone
    /// The interface's name.
    public let name: String
    /// The interface's MTU in bytes.
    public let mtu: Int
    /// The loop that owns this lane.
    public let loop: EventLoop
    /// Super-packets and partial checksums may be written.
    public var supportsOffload: Bool { true }
    /// UDP super-packets may be written, and are read. False before Linux 6.2.
    public let supportsUDPOffload: Bool

    /// Called on the loop's thread when the interface was removed behind the lane's back. Nothing is read or written
    /// afterwards, until `resume`.
    public var deviceDidDisappear: (() -> Void)?

    private var queues: [Int32]
    private var readable: (() -> Void)?
    private var isClosed = false
    private var watches: [DescriptorWatch] = []
    /// The descriptor of the queue that has its turn.
    private var current: Int32
    private let vectors: UnsafeMutablePointer<iovec>

    /// Takes over the descriptors of the queues, one at least.
    init(queues: [Int32], name: String, mtu: Int, loop: EventLoop, supportsUDPOffload: Bool) {
        self.queues = queues
        current = queues[0]
        self.name = name
        self.mtu = mtu
        self.loop = loop
        self.supportsUDPOffload = supportsUDPOffload
        // One more than the parts of a packet, for the virtio header.
        vectors = .allocate(capacity: PacketParts.capacity + 1)
        vectors.initialize(repeating: iovec(), count: PacketParts.capacity + 1)
    }

    deinit {
        vectors.deallocate()
        DescriptorWatch.abandon(watches, closing: queues, loop: loop)
    }

    /// Starts calling `readable` while packets wait, for one queue after the other. Level-triggered: a handler that leaves packets
    /// is called again.
    public func start(readable: @escaping () -> Void) {
        loop.preconditionCurrent()
        precondition(self.readable == nil && !isClosed, "a lane is started once, before it is closed")
        self.readable = readable
        watchQueues()
    }

    private func watchQueues() {
        guard let readable else { return }
        watches = queues.map { queue in
            DescriptorWatch(
                queue,
                loop: loop,
                readable: { [weak self] in
                    guard let self else { return }
                    current = queue
                    readable()
                },
                ended: { [weak self] in
                    guard let self, !queues.isEmpty else { return }
                    closeQueues()
                    deviceDidDisappear?()
                }
            )
        }
    }

    /// Reads one packet of the queue that has its turn; nil if none waits there.
    public func read(into buffer: inout MutableRawSpan) -> DevicePacket? {
        var header = VirtioHeader()
        let length = buffer.withUnsafeMutableBytes { bytes in
            linuxnetwork_read(current, &header, bytes.baseAddress, bytes.count)
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
        guard !queues.isEmpty else { return false }
        var header = VirtioHeader(summary, offload)
        let count = parts.count
        for index in 0..<count {
            let part = parts[index]
            vectors[index + 1] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress),
                iov_len: part.count
            )
        }
        return linuxnetwork_write(queue(of: summary), &header, vectors, Int32(truncatingIfNeeded: count)) > 0
    }

    private func queue(of summary: borrowing PacketSummary) -> Int32 {
        guard queues.count > 1 else { return queues[0] }
        let ports = UInt32(summary.sourcePort) << 16 | UInt32(summary.destinationPort)
        let hash = (ports ^ summary.source.ipv4 &+ summary.destination.ipv4) &* 0x9e37_79b1
        return queues[Int(hash >> 16) % queues.count]
    }

    /// Goes on with the queues of an interface that was made anew. On the loop's thread.
    func resume(_ queues: [Int32]) {
        guard !isClosed else {
            for queue in queues { Glibc.close(queue) }
            return
        }
        closeQueues()
        self.queues = queues
        current = queues[0]
        watchQueues()
    }

    /// Gives the lane back; with the last lane the interface vanishes. On the loop's thread. Idempotent.
    public func close() {
        isClosed = true
        closeQueues()
    }

    private func closeQueues() {
        for watch in watches { watch.cancel() }
        watches = []
        for queue in queues { Glibc.close(queue) }
        queues = []
        current = -1
    }
}
