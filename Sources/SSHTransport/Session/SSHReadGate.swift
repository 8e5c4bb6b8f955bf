/// Whether a session reads, by how much of its output the peer has left untaken.
///
/// Whatever libssh answers by itself (unknown messages, requests, opens) it keeps until the kernel takes it, without a limit:
/// a peer that asks and never reads would have its questions answered into memory. Our own writes stop at the first byte that
/// waits, so two honest ends that both send at full speed never come near the limit and cannot stop each other.
struct SSHReadGate {
    /// Bytes of waiting output at which reading stops. One read of 64 KiB can be answered after that, and libssh's buffer
    /// grows by doubling: with both the memory of a connection stays below 1 MiB.
    static let closingByteCount = 256 << 10
    /// Bytes of waiting output below which reading goes on.
    static let openingByteCount = 64 << 10
    /// Nanoseconds without reading after which a peer is given up.
    static let patience: UInt64 = 30_000_000_000

    /// True while the session must not read.
    private(set) var isClosed = false
    /// How often reading has stopped so far: tells a timer whether the stop that it watches is still the same.
    private(set) var closings = 0

    /// Takes note of the output that waits.
    ///
    /// - Returns: true if reading has just stopped.
    mutating func update(unsent: Int) -> Bool {
        if isClosed {
            isClosed = unsent > Self.openingByteCount
            return false
        }
        guard unsent > Self.closingByteCount else { return false }
        isClosed = true
        closings += 1
        return true
    }
}
