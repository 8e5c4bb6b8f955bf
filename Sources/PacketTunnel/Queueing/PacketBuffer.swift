internal import IPPacket

/// Memory of one packet, taken from a `PacketBufferPool`: whoever has it owns it.
///
/// A buffer cannot be copied. It is given away by `consuming` parameters: to a queue, or back to the pool with
/// `PacketBufferPool.release`. A function that may refuse one returns what it did not keep, and that is the caller's again.
///
/// The end of a variable's life releases nothing, because a buffer does not know its pool: a reference to it would be counted
/// for every packet. A buffer that is given to nobody ends a debug build, and leaks in a release build.
///
/// Room for a frame header lies before the packet, so a header is written in front and nothing is moved.
@safe struct PacketBuffer: ~Copyable {
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

    private let header: UnsafeMutablePointer<Header>

    /// New memory for `capacity` bytes behind the headroom. For pools.
    init(capacity: Int) {
        let size = Self.footprint(capacity: capacity)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Header>.alignment)
        unsafe header = memory.bindMemory(to: Header.self, capacity: 1)
        unsafe header.initialize(
            to: Header(
                next: nil,
                capacity: capacity,
                start: Self.headroom,
                length: 0,
                enqueuedAt: 0,
                offload: .none,
                isCounted: true
            )
        )
    }

    fileprivate init(header: UnsafeMutablePointer<Header>) {
        unsafe self.header = header
    }

    deinit { assertionFailure("a packet's buffer was neither queued nor released") }

    /// Ends the ownership by this value, for one by the list that links the memory.
    fileprivate consuming func relinquish() -> UnsafeMutablePointer<Header> {
        let header = unsafe header
        discard self
        return unsafe header
    }

    /// Gives the memory back to the system. For pools.
    consuming func deallocate() {
        unsafe UnsafeMutableRawPointer(relinquish()).deallocate()
    }

    /// Empties the buffer for the next packet. For pools.
    mutating func reset() {
        unsafe header.pointee.start = Self.headroom
        unsafe header.pointee.length = 0
        unsafe header.pointee.offload = .none
        unsafe header.pointee.isCounted = true
    }

    private var storage: UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(header) + MemoryLayout<Header>.size
    }

    /// Bytes that fit behind the headroom.
    var capacity: Int { unsafe header.pointee.capacity }

    /// Bytes of memory behind the buffer; what a queue is charged for it.
    var footprint: Int { Self.footprint(capacity: capacity) }

    /// Bytes of memory behind a buffer of `capacity` bytes.
    static func footprint(capacity: Int) -> Int { capacity + headroom + MemoryLayout<Header>.size }

    /// Bytes in use, from `start`.
    var length: Int {
        get { unsafe header.pointee.length }
        set {
            precondition(newValue >= 0 && start + newValue <= capacity + Self.headroom)
            unsafe header.pointee.length = newValue
        }
    }

    /// Where the bytes in use begin; `headroom` for a packet without a frame header.
    private var start: Int { unsafe header.pointee.start }

    /// What is left to do to the packet.
    var offload: PacketOffload {
        get { unsafe header.pointee.offload }
        set { unsafe header.pointee.offload = newValue }
    }

    /// The packet is in the counters as a carried one; so are all but those that the tunnel makes itself.
    var isCounted: Bool {
        get { unsafe header.pointee.isCounted }
        set { unsafe header.pointee.isCounted = newValue }
    }

    /// When a queue took the packet, on the loop's clock.
    var enqueuedAt: UInt64 {
        get { unsafe header.pointee.enqueuedAt }
        set { unsafe header.pointee.enqueuedAt = newValue }
    }

    /// The bytes in use. Valid until the buffer is given away.
    var bytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: storage + start, count: length)
    }

    /// All bytes behind the headroom, whatever is in use. Valid until the buffer is given away.
    var space: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: storage + Self.headroom, count: capacity)
    }

    /// Extends the bytes in use by `count` to the front, into the headroom.
    mutating func growFront(by count: Int) {
        precondition(count <= start)
        unsafe header.pointee.start -= count
        unsafe header.pointee.length += count
    }

    /// Appends `count` bytes and returns where they lie, or nil when they do not fit.
    mutating func extend(by count: Int) -> UnsafeMutableRawBufferPointer? {
        let end = start + length
        guard end + count <= capacity + Self.headroom else { return nil }
        unsafe header.pointee.length += count
        return unsafe UnsafeMutableRawBufferPointer(start: storage + end, count: count)
    }
}

/// Packets in a row, which the list owns. It is linked through the buffers themselves, so it takes no memory of its own.
///
/// Has to be empty at the end of its life: like a buffer, it does not know the pool.
@safe struct PacketList: ~Copyable {
    private var head: UnsafeMutablePointer<PacketBuffer.Header>?
    private var tail: UnsafeMutablePointer<PacketBuffer.Header>?

    /// An empty list.
    init() {}

    deinit { assert(isEmpty, "packets were neither sent nor released") }

    var isEmpty: Bool { unsafe head == nil }

    /// When a queue took the first packet; nil if there is none.
    var firstEnqueuedAt: UInt64? { unsafe head?.pointee.enqueuedAt }

    /// Adds a packet at the end.
    mutating func append(_ packet: consuming PacketBuffer) {
        let added = unsafe packet.relinquish()
        unsafe added.pointee.next = nil
        if let last = unsafe tail { unsafe last.pointee.next = added } else { unsafe head = added }
        unsafe tail = added
    }

    /// Adds a packet at the front.
    mutating func prepend(_ packet: consuming PacketBuffer) {
        let added = unsafe packet.relinquish()
        unsafe added.pointee.next = head
        if isEmpty { unsafe tail = added }
        unsafe head = added
    }

    /// Takes the first packet out.
    mutating func popFirst() -> PacketBuffer? {
        guard let first = unsafe head else { return nil }
        unsafe head = first.pointee.next
        if isEmpty { unsafe tail = nil }
        return unsafe PacketBuffer(header: first)
    }
}
