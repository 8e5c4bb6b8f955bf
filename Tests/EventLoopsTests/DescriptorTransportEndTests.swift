import EventLoops
import Glibc
import PacketTunnel
import Testing

@Suite("The end of a descriptor transport", .timeLimit(.minutes(5)))
struct DescriptorTransportEndTests {
    @Test("comes when nobody reads any more, though nothing is to be written", arguments: [false, true])
    func readerGone(isPipe: Bool) async throws {
        signal(SIGPIPE, SIG_IGN)
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let (input, output) = isPipe ? (Channel.pipe(), Channel.pipe()) : (Channel.sockets(), Channel.sockets())
        let end = try await Self.end(of: (input.reading, output.writing), on: loop) { close(output.reading) }
        #expect(!end.reason.isEmpty)
        #expect(end.opening.isEmpty)
        close(input.writing)
    }

    @Test("comes when nobody writes any more, and tells what came first", arguments: [false, true])
    func writerGone(isPipe: Bool) async throws {
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let (input, output) = isPipe ? (Channel.pipe(), Channel.pipe()) : (Channel.sockets(), Channel.sockets())
        let bytes = Array("no tunnel today\n".utf8)
        let end = try await Self.end(of: (input.reading, output.writing), on: loop) {
            write(input.writing, bytes, bytes.count)
            close(input.writing)
        }
        #expect(end.opening == bytes)
        close(output.reading)
    }

    /// The pipe is writable again, and at its end, at once: the first of the two ends the transport, whose owner lets go of it.
    @Test("may come with the last reference to it")
    func ownerLetsGo() async throws {
        signal(SIGPIPE, SIG_IGN)
        let loop = try EventLoop(name: "test")
        defer { loop.stop() }
        let (input, output) = (Channel.pipe(), Channel.pipe())
        let owner = Owner()
        let reason = await withCheckedContinuation { continuation in
            loop.execute {
                owner.transport = try? DescriptorTransport(input: input.reading, output: output.writing, loop: loop)
                owner.transport?.onEnd = { reason in
                    owner.transport = nil
                    continuation.resume(returning: reason)
                }
                let bytes = [UInt8](repeating: 0, count: 65_536)
                while owner.transport?.writableByteCount ?? 0 > 0 { _ = owner.transport?.write(bytes.span.bytes) }
                var drained = bytes
                _ = read(output.reading, &drained, drained.count)
                close(output.reading)
            }
        }
        #expect(!reason.isEmpty)
        await loop.run {}
        close(input.writing)
    }

    /// Runs a transport to its end, with `body` on the loop.
    private static func end(
        of descriptors: (input: Int32, output: Int32),
        on loop: EventLoop,
        _ body: @escaping @Sendable () -> Void
    ) async throws -> (reason: String, opening: [UInt8]) {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute {
                do {
                    let transport = try DescriptorTransport(
                        input: descriptors.input,
                        output: descriptors.output,
                        loop: loop
                    )
                    transport.onEnd = { continuation.resume(returning: ($0, transport.opening)) }
                    transport.setReceiver(Silent())
                    body()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

/// Belongs to the loop's thread.
private final class Owner: @unchecked Sendable {
    var transport: DescriptorTransport?
}

/// Takes bytes and drops them.
private final class Silent: PacketTransportReceiver {
    func transportDidReceive(_ bytes: inout MutableRawSpan) {}
    func transportDidBecomeWritable() {}
    func transportDidClose(reason: String) {}
}

/// One direction.
private struct Channel {
    let reading: Int32
    let writing: Int32

    static func pipe() -> Channel {
        var ends: [Int32] = [-1, -1]
        Glibc.pipe(&ends)
        return Channel(reading: ends[0], writing: ends[1])
    }

    static func sockets() -> Channel {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        return Channel(reading: ends[0], writing: ends[1])
    }
}
