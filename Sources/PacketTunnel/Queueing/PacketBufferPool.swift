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

    private struct FreeList: ~Copyable {
        let capacity: Int
        let limit: Int
        private var buffers = PacketList()
        private var count = 0

        init(capacity: Int, limit: Int) {
            self.capacity = capacity
            self.limit = limit
        }

        mutating func take() -> PacketBuffer {
            guard var buffer = buffers.popFirst() else { return PacketBuffer(capacity: capacity) }
            count -= 1
            buffer.reset()
            return buffer
        }

        mutating func give(_ buffer: consuming PacketBuffer) {
            guard count < limit else { return buffer.deallocate() }
            buffers.prepend(buffer)
            count += 1
        }

        mutating func deallocateAll() {
            while let buffer = buffers.popFirst() { buffer.deallocate() }
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

    /// Takes back what nobody has kept, if anything.
    func release(_ buffer: consuming PacketBuffer?) {
        if let buffer = buffer.take() { release(buffer) }
    }

    /// Takes a buffer back. All views of it are void.
    func release(_ buffer: consuming PacketBuffer) {
        switch buffer.capacity {
        case Self.smallCapacity: small.give(buffer)
        case Self.mediumCapacity: medium.give(buffer)
        default: large.give(buffer)
        }
    }
}
