/// One flow's packets, or those of a few whose hashes agree.
struct FlowBucket: ~Copyable {
    private var packets = PacketList()
    private(set) var byteCount = 0
    var deficit = 0
    var isListed = false
    var nextListed = -1
    var codel = CoDelState()

    /// When the packet came that is the next one; nil if there is none.
    var firstEnqueuedAt: UInt64? { packets.firstEnqueuedAt }

    mutating func push(_ packet: consuming PacketBuffer) {
        byteCount += packet.length
        packets.append(packet)
    }

    mutating func pop() -> PacketBuffer? {
        guard let packet = packets.popFirst() else { return nil }
        byteCount -= packet.length
        return packet
    }
}

/// The buckets of a queue, by number. None before `allocate`: most queues of a server with many clients are not in use.
@safe struct FlowBuckets: ~Copyable {
    private var storage = unsafe UnsafeMutableBufferPointer<FlowBucket>(start: nil, count: 0)

    /// No buckets.
    init() {}

    deinit {
        unsafe storage.deinitialize()
        unsafe storage.deallocate()
    }

    var isEmpty: Bool { unsafe storage.isEmpty }
    var indices: Range<Int> { unsafe storage.indices }

    /// Makes `count` empty buckets, where there were none.
    mutating func allocate(count: Int) {
        precondition(isEmpty)
        unsafe storage = .allocate(capacity: count)
        for index in indices { unsafe storage.initializeElement(at: index, to: FlowBucket()) }
    }

    subscript(_ index: Int) -> FlowBucket {
        _read {
            precondition(indices.contains(index))
            yield unsafe storage[index]
        }
        _modify {
            precondition(indices.contains(index))
            yield unsafe &storage[index]
        }
    }
}

/// A list of buckets by number, linked through `FlowBucket.nextListed`.
struct FlowBucketList {
    private var head = -1
    private var tail = -1

    var first: Int? { head < 0 ? nil : head }

    mutating func append(_ index: Int, in buckets: inout FlowBuckets) {
        buckets[index].nextListed = -1
        if tail < 0 { head = index } else { buckets[tail].nextListed = index }
        tail = index
    }

    mutating func removeFirst(in buckets: inout FlowBuckets) {
        head = buckets[head].nextListed
        if head < 0 { tail = -1 }
    }
}
