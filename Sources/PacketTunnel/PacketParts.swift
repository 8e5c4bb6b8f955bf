/// A packet that lies in several places of memory: one header, and the payloads of the segments that follow it.
///
/// Only borrows memory: it is filled and written within one callback, while that memory stands still.
@safe public struct PacketParts: ~Copyable {
    /// The most parts one packet may have: a 64 KiB super-packet cut at the smallest segment size stays below it.
    public static let capacity = 256

    private var storage: UnsafeMutablePointer<UnsafeRawBufferPointer>
    /// How many parts there are.
    public private(set) var count = 0
    /// Bytes of all parts together.
    public private(set) var byteCount = 0

    /// No parts yet. Allocates once; keep it and `removeAll`.
    public init() {
        unsafe storage = .allocate(capacity: Self.capacity)
    }

    deinit { unsafe storage.deallocate() }

    /// Adds a part. The memory must stay valid until the packet is written.
    public mutating func append(_ part: UnsafeRawBufferPointer) {
        precondition(count < Self.capacity)
        unsafe (storage + count).initialize(to: part)
        count += 1
        byteCount += part.count
    }

    /// Forgets all parts.
    public mutating func removeAll() {
        count = 0
        byteCount = 0
    }

    /// The part at `index`, in order from 0.
    public subscript(index: Int) -> UnsafeRawBufferPointer {
        precondition((0..<count).contains(index))
        return unsafe storage[index]
    }
}
