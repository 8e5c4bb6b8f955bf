/// How large the kernel's send buffer has to be where the path holds more than the system's limit for it. A plain value.
///
/// The kernel keeps what is not acknowledged in that buffer, so it bounds what is under way: 4 MiB (`net.ipv4.tcp_wmem`) are about
/// 100 Mbit/s over 200 ms. The kernel lets it grow with the window up to the limit; beyond, this does by the same rule. It is no
/// queue: what waits unsent is bounded by `TCP_NOTSENT_LOWAT`.
struct SendBufferGrowth {
    /// Bytes of the largest buffer, data and the kernel's own part of it: 500 Mbit/s over 300 ms.
    static let greatest = 32 << 20
    /// Bytes of buffer for one of the window: BBR sends two windows' worth, and less than half of the memory may be data
    /// (`tcp_sndbuf_expand` of the kernel).
    private static let perWindowByte = 3

    private var before = 0

    /// - Parameters:
    ///   - current: bytes of the buffer as it is.
    ///   - window: bytes that the congestion window lets be under way.
    /// - Returns: bytes that it needs; nil while it has enough, and while the kernel still lets it grow by itself.
    mutating func next(current: Int, window: Int) -> Int? {
        defer { before = current }
        guard current == before, current < Self.greatest, Self.perWindowByte * window > current else { return nil }
        return min(Self.greatest, 2 * Self.perWindowByte * window)
    }
}
