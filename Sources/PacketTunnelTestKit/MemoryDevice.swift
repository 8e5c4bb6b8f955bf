public import IPPacket
public import PacketTunnel

/// A packet as a device sees it.
public struct MemoryPacket: Equatable, Sendable {
    /// All of its bytes, from the IP header on.
    public var bytes: [UInt8]
    /// What is left to do to it.
    public var offload: PacketOffload

    /// A packet; a whole one with a finished checksum unless `offload` says otherwise.
    public init(_ bytes: [UInt8], offload: PacketOffload = .none) {
        self.bytes = bytes
        self.offload = offload
    }
}

/// A device in memory: the test puts in the packets that are read from it, and looks at those that were written.
///
/// Belongs to its loop. In the steady state it allocates nothing itself when `recordsPackets` is off, so that it can
/// serve to count the allocations of what uses it.
public final class MemoryDevice: PacketDevice, @unchecked Sendable {  // one thread at a time
    /// The name that the device was made with.
    public let name: String
    /// The MTU that the device was made with, in bytes. Nothing here enforces it.
    public let mtu: Int
    /// Whether super-packets may be written; they may be injected in either case.
    public var supportsOffload: Bool
    /// Whether that includes those of UDP. To be set before the device is used.
    public var supportsUDPOffload: Bool
    /// Packets that `write` takes until `takeWritten` is called.
    public var capacity = Int.max
    /// Whether written packets are kept, or only counted.
    public var recordsPackets = true
    /// Packets written and taken, over all time.
    public private(set) var writtenCount = 0
    /// Bytes of them.
    public private(set) var writtenByteCount = 0
    /// Packets that `write` refused, over all time.
    public private(set) var refusedCount = 0
    /// True after `close`.
    public private(set) var isClosed = false
    /// True after `start`.
    public var isStarted: Bool { readable != nil }

    private struct Waiting {
        var packet: MemoryPacket
        var count: Int
    }

    private let loop: ManualLoop
    private var readable: (() -> Void)?
    private var waiting: [Waiting] = []
    private var written: [MemoryPacket] = []
    private var heldCount = 0

    /// A device whose packets are read and written on `loop`.
    public init(on loop: ManualLoop, name: String = "memory0", mtu: Int = 1_500, supportsOffload: Bool = true) {
        self.loop = loop
        self.name = name
        self.mtu = mtu
        self.supportsOffload = supportsOffload
        supportsUDPOffload = supportsOffload
    }

    // MARK: The test's side

    /// Lets packets arrive, all at once, and has them read.
    public func inject(_ packets: [MemoryPacket]) {
        waiting += packets.map { Waiting(packet: $0, count: 1) }
        announce()
    }

    /// Lets one packet arrive, and has it read.
    public func inject(_ bytes: [UInt8], offload: PacketOffload = .none) {
        inject(MemoryPacket(bytes, offload: offload), count: 1)
    }

    /// Lets the same packet arrive `count` times, all at once.
    public func inject(_ packet: MemoryPacket, count: Int) {
        waiting.append(Waiting(packet: packet, count: count))
        announce()
    }

    /// Packets that nobody has read yet.
    public var waitingCount: Int { waiting.reduce(0) { $0 + $1.count } }

    /// The packets written since the last call, in order; makes room for more.
    public func takeWritten() -> [MemoryPacket] {
        defer {
            written.removeAll()
            heldCount = 0
        }
        return written
    }

    /// Says that packets wait for as long as some are read, as a level-triggered descriptor does.
    private func announce() {
        guard let readable else { return }
        var before = Int.max
        while !isClosed, case let left = waitingCount, left > 0, left < before {
            before = left
            loop.perform(readable)
        }
    }

    // MARK: PacketDevice

    /// Keeps `readable`, and calls it at once if packets wait.
    public func start(readable: @escaping () -> Void) {
        self.readable = readable
        announce()
    }

    /// The oldest packet that waits.
    public func read(into buffer: inout MutableRawSpan) -> DevicePacket? {
        guard !isClosed, var first = waiting.first else { return nil }
        let packet = first.packet
        buffer.copy(from: packet.bytes.span.bytes, at: 0)
        first.count -= 1
        if first.count == 0 { waiting.removeFirst() } else { waiting[0].count = first.count }
        return DevicePacket(length: packet.bytes.count, offload: packet.offload)
    }

    /// Keeps a copy of the packet; false if there is no room for it, or the device is closed.
    public func write(
        _ parts: borrowing PacketParts,
        summary: borrowing PacketSummary,
        offload: PacketOffload
    ) -> Bool {
        let takesOffload = summary.transport == .udp ? supportsUDPOffload : supportsOffload
        guard !isClosed, heldCount < capacity, takesOffload || offload == .none else {
            refusedCount += 1
            return false
        }
        let (length, headerLength) = (summary.packetLength, summary.headerLength)
        precondition(parts.byteCount == length, "the summary describes the packet that is written")
        precondition(parts[0].count >= headerLength, "the first part holds all headers")
        writtenCount += 1
        writtenByteCount += parts.byteCount
        guard recordsPackets else { return true }
        heldCount += 1
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parts.byteCount)
        for index in 0..<parts.count { bytes += parts[index] }
        written.append(MemoryPacket(bytes, offload: offload))
        return true
    }

    /// Ends reading and writing; what was written stays to be taken.
    public func close() {
        isClosed = true
        readable = nil
        waiting.removeAll()
    }
}
