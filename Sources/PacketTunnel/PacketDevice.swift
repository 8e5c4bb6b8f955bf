public import IPPacket

/// One lane of a device that packets are read from and written to: some queues of a tun interface, or memory in a test.
///
/// All calls are made on the thread of the loop that owns the lane.
public protocol PacketDevice: AnyObject {
    /// The interface's name, or an empty string for a foreign descriptor.
    var name: String { get }

    /// The largest packet, in bytes, that is not a super-packet.
    var mtu: Int { get }

    /// True if `write` takes super-packets and partial checksums, and `read` may give them.
    var supportsOffload: Bool { get }

    /// True if that includes UDP. Linux takes UDP super-packets since 6.2.
    var supportsUDPOffload: Bool { get }

    /// Starts calling `readable`, on the loop's thread, whenever packets wait. Called once, by the core.
    func start(readable: @escaping () -> Void)

    /// Reads one packet to the front of `buffer`, which has room for 65,535 bytes.
    ///
    /// - Returns: the packet's length and what is left to do to it, or nil if none waits.
    func read(into buffer: inout MutableRawSpan) -> DevicePacket?

    /// Writes one packet that lies in `parts`, in order. The first part holds at least the IP and transport headers.
    ///
    /// - Returns: false if the device did not take it (its queue is full, or it is down).
    func write(_ parts: borrowing PacketParts, summary: borrowing PacketSummary, offload: PacketOffload) -> Bool

    /// Stops `readable` and closes the lane. Idempotent.
    func close()
}

extension PacketDevice {
    /// As for TCP, unless a device says otherwise.
    public var supportsUDPOffload: Bool { supportsOffload }
}

/// What `PacketDevice.read` found.
@frozen public struct DevicePacket: Equatable, Sendable {
    /// Bytes of the packet.
    public var length: Int
    /// What its sender left for later.
    public var offload: PacketOffload

    /// A packet of `length` bytes.
    @inlinable public init(length: Int, offload: PacketOffload) {
        self.length = length
        self.offload = offload
    }
}
