internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// `unread`: peers that ask an SSH server without end, and take no answer.
struct UnreadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unread",
        abstract: "Asks and does not read; prints \"sent BYTES ended CONNECTIONS\", of all of them."
    )

    @OptionGroup
    var place: EndpointArguments

    @Argument(help: "How many connections.")
    var count: Int

    @Argument
    var seconds: Double

    /// A message that no one knows, each of which is answered (RFC 4253 §6, §11.4): a packet of 12 bytes, 10 of them padding.
    private static let question: [UInt8] = [0, 0, 0, 12, 10, 200] + [UInt8](repeating: 0, count: 10)

    func run() throws {
        let block = [[UInt8]](repeating: Self.question, count: 4_096).flatMap { $0 }
        var peers = try (0..<count).map { _ in
            let peer = try Socket.connected(SOCK_STREAM, to: place.endpoint)
            try peer.send(Array("SSH-2.0-attack\r\n".utf8))
            return (socket: peer, offset: 0)
        }
        let end = SystemClock.monotonic + UInt64(seconds * 1e9)
        var sent = 0
        while !peers.isEmpty, SystemClock.monotonic < end {
            var hasProgress = false
            peers = peers.compactMap { peer in
                // From where it stopped, so that every message is whole.
                let rest = block[peer.offset...]
                let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
                let count = rest.withUnsafeBytes { send(peer.socket.descriptor, $0.baseAddress, $0.count, flags) }
                if count < 0 { return errno == EAGAIN ? peer : nil }
                sent += count
                hasProgress = true
                return (peer.socket, (peer.offset + count) % block.count)
            }
            if !hasProgress { usleep(10_000) }
        }
        Output.line("sent \(sent) ended \(count - peers.count)")
    }
}
