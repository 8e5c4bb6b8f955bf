internal import EventLoops
internal import Glibc
internal import PacketTunnelTestKit

/// Two tun devices and a path between them, one emulated link for each direction.
struct LinkEmulator {
    private let ends: [TunEnd]
    private var links: [EmulatedLink]
    private var buffer = TunEnd.makeBuffer()

    init(ends: [TunEnd], properties: EmulatedLink.Properties) {
        self.ends = ends
        links = [EmulatedLink(properties, seed: 1), EmulatedLink(properties, seed: 2)]
    }

    /// Waits for a packet, or for one to arrive, and carries what there is.
    mutating func turn() {
        wait(until: links.compactMap(\.nextArrival).min())
        for index in 0..<2 {
            // What waits in a device has come by now; a flood must not keep the other direction waiting.
            var left = 64
            while left > 0, let packet = ends[index].read(into: &buffer) {
                links[index].send(packet, now: SystemClock.monotonic)
                left -= 1
            }
            while let packet = links[index].receive(now: SystemClock.monotonic) { ends[1 - index].write(packet) }
        }
    }

    /// Waits for a packet, and no longer than until `time`. By select(2), as poll(2) knows milliseconds alone.
    private func wait(until time: UInt64?) {
        var descriptors = fd_set()
        withUnsafeMutableBytes(of: &descriptors) { bits in
            for end in ends { bits[Int(end.descriptor) / 8] |= 1 << UInt8(end.descriptor % 8) }
        }
        let count = 1 + (ends.map(\.descriptor).max() ?? 0)
        guard let time else {
            _ = select(count, &descriptors, nil, nil, nil)
            return
        }
        let now = SystemClock.monotonic
        let left = time > now ? time - now : 0
        var timeout = timeval(tv_sec: Int(left / 1_000_000_000), tv_usec: Int(left % 1_000_000_000 / 1_000))
        _ = select(count, &descriptors, nil, nil, &timeout)
    }
}
