internal import CLinuxNetwork
public import EventLoops
internal import Glibc
public import IPPacket
public import PacketTunnel

/// A device that somebody else opened and configured: a tun descriptor passed by another program, or any other
/// descriptor that keeps packet boundaries.
///
/// Its packets are plain: nothing with a segment size or a partial checksum may be written. The given descriptor stays
/// the caller's; a duplicate is used. Every member but `name` and `mtu` is for the loop's thread.
public final class ForeignDevice: PacketDevice, @unchecked Sendable {  // used on its loop alone
    /// Empty: the descriptor does not say which interface it is.
    public let name = ""
    /// The largest packet in bytes.
    public let mtu: Int
    /// The loop that owns the device.
    public let loop: EventLoop
    /// Packets have to be cut and their checksums finished before they are written.
    public var supportsOffload: Bool { false }

    /// Called once on the loop's thread when the other side has closed. Nothing is read or written afterwards.
    public var deviceDidDisappear: (() -> Void)?

    private var descriptor: Int32
    private var watch: DescriptorWatch?
    private let vectors: UnsafeMutablePointer<iovec>

    /// Duplicates `descriptor`, close-on-exec, and makes the file non-blocking. Configures nothing.
    ///
    /// - Parameter mtu: bytes of the largest packet, as the program that configured the device says; 0 for the default.
    /// - Throws: `NetworkSetupError` when it is not an open descriptor.
    public init(descriptor: Int32, mtu: Int, loop: EventLoop) throws(NetworkSetupError) {
        let duplicate = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { throw .system("use TunFileDescriptor \(descriptor)", code: errno) }
        let flags = fcntl(duplicate, F_GETFL)
        guard flags >= 0, fcntl(duplicate, F_SETFL, flags | O_NONBLOCK) == 0 else {
            let code = errno
            Glibc.close(duplicate)
            throw .system("make TunFileDescriptor \(descriptor) non-blocking", code: code)
        }
        self.descriptor = duplicate
        self.mtu = TunnelDefaults.mtu(mtu)
        self.loop = loop
        vectors = .allocate(capacity: PacketParts.capacity)
        vectors.initialize(repeating: iovec(), count: PacketParts.capacity)
    }

    deinit {
        vectors.deallocate()
        guard descriptor >= 0 else { return }
        DescriptorWatch.abandon(watch.map { [$0] } ?? [], closing: [descriptor], loop: loop)
    }

    /// Starts calling `readable` while packets wait.
    public func start(readable: @escaping () -> Void) {
        loop.preconditionCurrent()
        precondition(watch == nil && descriptor >= 0, "a device is started once, before it is closed")
        watch = DescriptorWatch(
            descriptor,
            loop: loop,
            readable: readable,
            ended: { [weak self] in self?.disappear() }
        )
    }

    /// Reads one packet; nil if none waits.
    public func read(into buffer: inout MutableRawSpan) -> DevicePacket? {
        let length = buffer.withUnsafeMutableBytes { bytes in
            linuxnetwork_read_plain(descriptor, bytes.baseAddress, bytes.count)
        }
        guard length > 0 else {
            // The end of the file is readable for ever; a descriptor that gives it has no more packets.
            if length == 0 { disappear() }
            return nil
        }
        return DevicePacket(length: length, offload: .none)
    }

    /// Writes one plain packet. False if the descriptor does not take it now.
    public func write(
        _ parts: borrowing PacketParts,
        summary: borrowing PacketSummary,
        offload: PacketOffload
    ) -> Bool {
        precondition(offload == .none, "a foreign device takes finished packets only")
        let count = parts.count
        for index in 0..<count {
            let part = parts[index]
            vectors[index] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress),
                iov_len: part.count
            )
        }
        return linuxnetwork_write_plain(descriptor, vectors, Int32(truncatingIfNeeded: count)) > 0
    }

    /// True once `close` was called, or the other side has closed.
    public var isClosed: Bool { descriptor < 0 }

    /// Closes the duplicate. On the loop's thread. Idempotent.
    public func close() {
        guard descriptor >= 0 else { return }
        watch?.cancel()
        watch = nil
        Glibc.close(descriptor)
        descriptor = -1
    }

    private func disappear() {
        guard descriptor >= 0 else { return }
        close()
        deviceDidDisappear?()
    }
}
