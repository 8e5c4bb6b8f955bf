internal import EventLoops
internal import Glibc

/// One end of a stream of 2 MB/s of random bytes, until the file that STREAM_END names exists.
///
/// The receiver prints "begun" at the first byte, and "pause START SECONDS" for each silence of 3 ms or more, START in seconds
/// of the clock. Both ends print "sha256 BYTES DIGEST" at its end.
struct PacedStream {
    private let socket: Socket

    private static let piece = 8_192
    private static let period: UInt64 = 4_000_000
    private static let pause: UInt64 = 3_000_000

    init(socket: Socket) {
        self.socket = socket
    }

    init(to place: Endpoint) throws {
        socket = try Socket.connected(SOCK_STREAM, to: place)
        try socket.setTimeout(0)
    }

    func send() throws {
        guard let end = getenv("STREAM_END") else { throw SystemFailure(call: "STREAM_END", code: EINVAL) }
        let digest = try Digest()
        var count = 0
        var due = SystemClock.monotonic
        while access(end, F_OK) != 0 {
            let piece = RandomBytes.make(Self.piece)
            try socket.send(piece)
            try digest.write(piece[...])
            count += piece.count
            // After a break it makes up for what was missed.
            due += Self.period
            SystemClock.sleep(until: due)
        }
        try socket.endSending()
        _ = try socket.receive()
        Output.line("sha256 \(count) \(try digest.finish())")
    }

    func receive() throws {
        let digest = try Digest()
        var count = 0
        var last = SystemClock.real
        while case let piece = try socket.receive(), !piece.isEmpty {
            let now = SystemClock.real
            if count == 0 { Output.line("begun") }
            if now >= last + Self.pause {
                Output.line("pause \(Self.seconds(last)) \(Self.seconds(now - last))")
            }
            last = now
            try digest.write(piece[...])
            count += piece.count
        }
        Output.line("sha256 \(count) \(try digest.finish())")
    }

    /// Seconds to the millisecond.
    private static func seconds(_ nanoseconds: UInt64) -> String {
        let milliseconds = nanoseconds / 1_000_000
        let rest = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
