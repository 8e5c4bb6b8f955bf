internal import IPPacket

/// Memory of one packet, taken from a `PacketBufferPool`: a handle, free to copy, owned by whoever has to release it.
///
/// Room for a frame header lies before the packet, so a header is written in front and nothing is moved.
@safe struct PacketBuffer {
    /// Bytes kept free before the packet; no frame header is longer.
    static let headroom = 16

    @safe fileprivate struct Header {
        var next: UnsafeMutablePointer<Header>?
        var capacity: Int
        var start: Int
        var length: Int
        var enqueuedAt: UInt64
        var offload: PacketOffload
        var isCounted: Bool
    }

    fileprivate let header: UnsafeMutablePointer<Header>

    fileprivate var storage: UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(header) + MemoryLayout<Header>.size
    }

    /// Bytes that fit behind the headroom.
    var capacity: Int { unsafe header.pointee.capacity }

    /// Bytes of memory behind the handle; what a queue is charged for it.
    var footprint: Int { Self.footprint(capacity: capacity) }

    fileprivate static func footprint(capacity: Int) -> Int { capacity + headroom + MemoryLayout<Header>.size }

    /// Bytes in use, from `start`.
    var length: Int {
        get { unsafe header.pointee.length }
        nonmutating set {
            precondition(newValue >= 0 && start + newValue <= capacity + Self.headroom)
            unsafe header.pointee.length = newValue
        }
    }

    /// Where the bytes in use begin; `headroom` for a packet without a frame header.
    private var start: Int { unsafe header.pointee.start }

    /// What is left to do to the packet.
    var offload: PacketOffload {
        get { unsafe header.pointee.offload }
        nonmutating set { unsafe header.pointee.offload = newValue }
    }

    /// The packet is in the counters as a carried one; so are all but those that the tunnel makes itself.
    var isCounted: Bool {
        get { unsafe header.pointee.isCounted }
        nonmutating set { unsafe header.pointee.isCounted = newValue }
    }

    /// When a queue took the packet, on the loop's clock.
    var enqueuedAt: UInt64 {
        get { unsafe header.pointee.enqueuedAt }
        nonmutating set { unsafe header.pointee.enqueuedAt = newValue }
    }

    /// The next packet of the same queue.
    var next: PacketBuffer? {
        get { unsafe header.pointee.next.map { unsafe PacketBuffer(header: $0) } }
        nonmutating set { unsafe header.pointee.next = newValue?.header }
    }

    /// The bytes in use. Valid until the buffer is released.
    var bytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: storage + start, count: length)
    }

    /// All bytes behind the headroom, whatever is in use. Valid until the buffer is released.
    var space: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: storage + Self.headroom, count: capacity)
    }

    /// Extends the bytes in use by `count` to the front, into the headroom.
    func growFront(by count: Int) {
        precondition(count <= start)
        unsafe header.pointee.start -= count
        unsafe header.pointee.length += count
    }

    /// Appends `count` bytes and returns where they lie, or nil when they do not fit.
    func extend(by count: Int) -> UnsafeMutableRawBufferPointer? {
        let end = start + length
        guard end + count <= capacity + Self.headroom else { return nil }
        unsafe header.pointee.length += count
        return unsafe UnsafeMutableRawBufferPointer(start: storage + end, count: count)
    }

    fileprivate func reset() {
        unsafe header.pointee.next = nil
        unsafe header.pointee.start = Self.headroom
        unsafe header.pointee.length = 0
        unsafe header.pointee.offload = .none
        unsafe header.pointee.isCounted = true
    }

    fileprivate static func allocate(capacity: Int) -> PacketBuffer {
        let size = MemoryLayout<Header>.size + headroom + capacity
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Header>.alignment)
        let header = unsafe memory.bindMemory(to: Header.self, capacity: 1)
        unsafe header.initialize(
            to: Header(
                next: nil,
                capacity: capacity,
                start: headroom,
                length: 0,
                enqueuedAt: 0,
                offload: .none,
                isCounted: true
            )
        )
        return unsafe PacketBuffer(header: header)
    }

    fileprivate func deallocate() {
        unsafe UnsafeMutableRawPointer(header).deallocate()
    }
}

/// The packet memory of one loop, in three sizes. Not for other threads.
///
/// What is released is kept for the next packet, up to a limit, so the steady state allocates nothing and a burst is
/// given back.
final class PacketBufferPool {
    /// Bytes of a small buffer: a packet of the usual MTU with something to spare.
    static let smallCapacity = 2_032
    /// Bytes of a medium buffer: the few segments that a slow stream sends at once. In large buffers they would fill a
    /// queue with little data.
    static let mediumCapacity = 8_176
    /// Bytes of a large buffer: the largest IP packet, and frames up to one SSH packet.
    static let largeCapacity = 65_552

    private var small = FreeList(capacity: smallCapacity, limit: 1_024)
    private var medium = FreeList(capacity: mediumCapacity, limit: 256)
    private var large = FreeList(capacity: largeCapacity, limit: 96)

    private struct FreeList {
        let capacity: Int
        let limit: Int
        var head: PacketBuffer?
        var count = 0

        init(capacity: Int, limit: Int) {
            self.capacity = capacity
            self.limit = limit
        }

        mutating func take() -> PacketBuffer {
            guard let buffer = head else { return PacketBuffer.allocate(capacity: capacity) }
            head = buffer.next
            count -= 1
            buffer.reset()
            return buffer
        }

        mutating func give(_ buffer: PacketBuffer) {
            guard count < limit else { return buffer.deallocate() }
            buffer.next = head
            head = buffer
            count += 1
        }

        mutating func deallocateAll() {
            while let buffer = head {
                head = buffer.next
                buffer.deallocate()
            }
        }
    }

    /// An empty pool.
    init() {}

    deinit {
        small.deallocateAll()
        medium.deallocateAll()
        large.deallocateAll()
    }

    /// The smallest buffer for `length` bytes.
    func take(for length: Int) -> PacketBuffer {
        if length <= Self.smallCapacity { return small.take() }
        return length <= Self.mediumCapacity ? medium.take() : large.take()
    }

    /// Bytes of memory behind the buffer for `length` bytes.
    static func footprint(for length: Int) -> Int {
        if length <= smallCapacity { return PacketBuffer.footprint(capacity: smallCapacity) }
        return PacketBuffer.footprint(capacity: length <= mediumCapacity ? mediumCapacity : largeCapacity)
    }

    /// A buffer for a packet of any size.
    func takeLarge() -> PacketBuffer { large.take() }

    /// Takes a buffer back. The handle and all views of it are void.
    func release(_ buffer: PacketBuffer) {
        switch buffer.capacity {
        case Self.smallCapacity: small.give(buffer)
        case Self.mediumCapacity: medium.give(buffer)
        default: large.give(buffer)
        }
    }
}
