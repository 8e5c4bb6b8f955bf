internal import EventLoops
internal import Glibc

/// One direction: read at once, and written when it is time.
struct DelayedDirection {
    private let source: Socket
    private let sink: Socket
    private let delay: UInt64
    /// What is under way; an empty piece is the end.
    private var pieces: [(due: UInt64, bytes: ArraySlice<UInt8>)] = []
    private var head = 0
    private var isRead = false
    private(set) var hasEnded = false

    private static let largestPiece = 1 << 18

    init(source: Socket, sink: Socket, delay: UInt64) {
        (self.source, self.sink, self.delay) = (source, sink, delay)
    }

    var nextDue: UInt64? { head < pieces.count ? pieces[head].due : nil }

    /// What to wait for: bytes, and room for those whose time has come.
    func interests(now: UInt64) -> [pollfd] {
        var interests: [pollfd] = []
        if !isRead { interests.append(pollfd(fd: source.descriptor, events: Int16(POLLIN), revents: 0)) }
        if let nextDue, nextDue <= now {
            interests.append(pollfd(fd: sink.descriptor, events: Int16(POLLOUT), revents: 0))
        }
        return interests
    }

    mutating func carry() {
        read()
        let now = SystemClock.monotonic
        while !hasEnded, let due = nextDue, due <= now, write() {}
        // Once for many: removing from the front moves the rest.
        if head == pieces.count || head >= 4_096 {
            pieces.removeFirst(head)
            head = 0
        }
    }

    private mutating func read() {
        while !isRead {
            var bytes = [UInt8](repeating: 0, count: Self.largestPiece)
            let count = recv(source.descriptor, &bytes, bytes.count, 0)
            if count < 0, errno == EAGAIN { return }
            // A connection that was reset is at its end, too.
            isRead = count <= 0
            pieces.append((SystemClock.monotonic + delay, Array(bytes.prefix(max(0, count)))[...]))
        }
    }

    /// Writes of the first piece what there is room for; false if none is left.
    private mutating func write() -> Bool {
        let bytes = pieces[head].bytes
        if bytes.isEmpty {
            shutdown(sink.descriptor, Int32(SHUT_WR))
            hasEnded = true
            return false
        }
        let count = bytes.withUnsafeBytes {
            send(sink.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count >= 0 else {
            hasEnded = errno != EAGAIN
            return false
        }
        pieces[head].bytes = bytes.dropFirst(count)
        if count == bytes.count { head += 1 }
        return true
    }
}
