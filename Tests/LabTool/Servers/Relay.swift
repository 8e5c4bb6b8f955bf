internal import EventLoops
internal import Glibc

/// Two connections, and what is under way between them. Used by one thread.
struct Relay {
    private var directions: [DelayedDirection]

    /// - Parameter delay: nanoseconds of each direction.
    init(near: Socket, far: Socket, delay: UInt64) {
        for socket in [near, far] {
            try? socket.setTimeout(0)
            try? socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
            _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK)
        }
        directions = [
            DelayedDirection(source: near, sink: far, delay: delay),
            DelayedDirection(source: far, sink: near, delay: delay),
        ]
    }

    /// Waits, and carries what is due.
    ///
    /// - Returns: false once both directions have ended.
    mutating func turn() -> Bool {
        let now = SystemClock.monotonic
        var entries = directions.flatMap { $0.interests(now: now) }
        let due = directions.compactMap(\.nextDue).filter { $0 > now }.min()
        // To the next millisecond, which is little beside the delays that relays are for.
        let wait = due.map { Int32(($0 - now) / 1_000_000 + 1) } ?? -1
        guard poll(&entries, nfds_t(entries.count), wait) >= 0 else { return false }
        for index in directions.indices { directions[index].carry() }
        return !directions.allSatisfy(\.hasEnded)
    }
}
