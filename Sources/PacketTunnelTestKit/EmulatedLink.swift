/// One direction of a network path: a bottleneck with a queue before it, a delay behind it, and packets that are lost.
///
/// Time is given and not read, in nanoseconds, so that tests decide what it is. Packets arrive in the order they were sent in.
public struct EmulatedLink {
    /// What a path is like.
    public struct Properties: Equatable, Sendable {
        /// Nanoseconds from the end of the bottleneck to the other side.
        public var delay: UInt64
        /// Bits a second; 0 for no bottleneck.
        public var bitsPerSecond: UInt64
        /// Bytes that may wait in front of the bottleneck; what comes then is dropped.
        public var queueLimit: UInt64
        /// Packets of a million that are lost, at random.
        public var lossPerMillion: UInt64

        /// A path.
        public init(
            delay: UInt64 = 0,
            bitsPerSecond: UInt64 = 0,
            queueLimit: UInt64 = 1 << 20,
            lossPerMillion: UInt64 = 0
        ) {
            self.delay = delay
            self.bitsPerSecond = bitsPerSecond
            self.queueLimit = queueLimit
            self.lossPerMillion = lossPerMillion
        }
    }

    /// Packets that were lost at random, and that found the queue full.
    public private(set) var lostCount = 0, overflowCount = 0

    private let properties: Properties
    private var random: UInt64
    /// When the bottleneck has sent what waits now.
    private var freeAt: UInt64 = 0
    private var packets: [(bytes: [UInt8], arrival: UInt64)?] = []
    private var head = 0

    /// - Parameter seed: the same one has the same packets lost.
    public init(_ properties: Properties, seed: UInt64 = 1) {
        self.properties = properties
        random = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    }

    /// When the next packet arrives; nil if none is on its way.
    public var nextArrival: UInt64? { head < packets.count ? packets[head]?.arrival : nil }

    /// Takes a packet. It is gone at once if the queue is full, and on its way if it is to be lost.
    public mutating func send(_ bytes: [UInt8], now: UInt64) {
        let start = max(now, freeAt)
        if properties.bitsPerSecond > 0 {
            let waiting = (start - now) / 1_000 * properties.bitsPerSecond / 8_000_000
            guard waiting + UInt64(bytes.count) <= properties.queueLimit else {
                overflowCount += 1
                return
            }
            freeAt = start + UInt64(bytes.count) * 8_000_000_000 / properties.bitsPerSecond
        } else {
            freeAt = start
        }
        guard nextRandom() % 1_000_000 >= properties.lossPerMillion else {
            lostCount += 1
            return
        }
        packets.append((bytes, freeAt + properties.delay))
    }

    /// The next packet that has arrived by `now`.
    public mutating func receive(now: UInt64) -> [UInt8]? {
        guard let arrival = nextArrival, arrival <= now else { return nil }
        let bytes = packets[head]?.bytes
        packets[head] = nil
        head += 1
        // Once for many: removing from the front moves the rest.
        if head == packets.count || head >= 4_096 {
            packets.removeFirst(head)
            head = 0
        }
        return bytes
    }

    /// Marsaglia's xorshift: the same sequence on every machine.
    private mutating func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}

extension EmulatedLink.Properties {
    /// Reads `20ms,100mbit,1%,250kb`: a round trip, of which each way takes half, a rate, a loss, the queue. What is left out is
    /// none; the queue is then what the rate carries in a round trip, or 64 KiB if that is more.
    ///
    /// - Returns: nil if a part says nothing.
    public init?(_ text: String) {
        self.init(queueLimit: 0)
        for part in text.split(separator: ",") {
            let number = part.prefix { "0123456789.".contains($0) }
            guard let value = Double(number), value >= 0 else { return nil }
            switch part.dropFirst(number.count) {
            case "ms": delay = UInt64(value * 500_000)
            case "mbit": bitsPerSecond = UInt64(value * 1e6)
            case "%": lossPerMillion = UInt64(value * 1e4)
            case "kb": queueLimit = UInt64(value * 1_000)
            default: return nil
            }
        }
        guard queueLimit == 0 else { return }
        queueLimit = max(64 << 10, UInt64(Double(bitsPerSecond) / 8e9 * Double(2 * delay)))
    }
}
