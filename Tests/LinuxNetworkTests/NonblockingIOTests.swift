import EventLoops
import Glibc
import Testing

@testable import LinuxNetwork

@Suite("Non-blocking I/O over a foreign descriptor", .timeLimit(.minutes(5)))
struct NonblockingIOTests {
    /// Two ends of a pipe, a stream socket or a packet socket.
    enum File: CaseIterable {
        case pipe, stream, packets

        func open() throws -> (input: Int32, output: Int32) {
            var ends: [Int32] = [-1, -1]
            let type = self == .stream ? SOCK_STREAM : SOCK_SEQPACKET
            let result = self == .pipe ? Glibc.pipe(&ends) : socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends)
            guard result == 0 else { throw SystemCallError("open") }
            return (ends[0], ends[1])
        }
    }

    @Test("reads what is written, and leaves the given descriptors open", arguments: File.allCases)
    func carries(file: File) async throws {
        let loop = try EventLoop(name: "io")
        defer { loop.stop() }
        let (input, output) = try file.open()
        let reader = try NonblockingIO(descriptor: input, loop: loop)
        let writer = try NonblockingIO(descriptor: output, loop: loop)
        async let first = reader.read()
        try await writer.write([1, 2, 3])
        #expect(try await first == [1, 2, 3])
        await reader.close()
        await writer.close()
        #expect(reader.isClosed && writer.isClosed)
        for descriptor in [input, output] {
            #expect(fcntl(descriptor, F_GETFD) >= 0)
            close(descriptor)
        }
    }

    @Test("waits while the other side takes nothing, and then writes the rest")
    func waitsForRoom() async throws {
        let loop = try EventLoop(name: "io")
        defer { loop.stop() }
        let (input, output) = try File.pipe.open()
        defer { for descriptor in [input, output] { close(descriptor) } }
        let reader = try NonblockingIO(descriptor: input, loop: loop)
        let writer = try NonblockingIO(descriptor: output, loop: loop)
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        async let writing: Void = writer.write(sent)
        var received: [UInt8] = []
        while received.count < sent.count { received += try await reader.read() }
        try await writing
        #expect(received == sent)
        await reader.close()
        await writer.close()
    }

    @Test("is interrupted when it is closed, in either direction")
    func interrupted() async throws {
        let loop = try EventLoop(name: "io")
        defer { loop.stop() }
        let (input, output) = try File.pipe.open()
        defer { for descriptor in [input, output] { close(descriptor) } }
        let reader = try NonblockingIO(descriptor: input, loop: loop)
        let writer = try NonblockingIO(descriptor: output, loop: loop)
        async let reading = Self.isInterrupted { _ = try await reader.read() }
        await reader.close()
        #expect(await reading)
        // More than a pipe holds.
        async let writing = Self.isInterrupted { try await writer.write(.init(repeating: 0, count: 1 << 20)) }
        await writer.close()
        #expect(await writing)
        #expect(await Self.isInterrupted { _ = try await reader.read() })
    }

    @Test("reads nothing at the end of the file")
    func end() async throws {
        let loop = try EventLoop(name: "io")
        defer { loop.stop() }
        let (input, output) = try File.pipe.open()
        defer { close(input) }
        let reader = try NonblockingIO(descriptor: input, loop: loop)
        async let read = reader.read()
        close(output)
        #expect(try await read.isEmpty)
        await reader.close()
    }

    @Test("refuses a descriptor that is not open")
    func refuses() throws {
        let loop = try EventLoop(name: "io")
        defer { loop.stop() }
        #expect(throws: NetworkSetupError.self) { try NonblockingIO(descriptor: 99_999, loop: loop) }
    }

    private static func isInterrupted(_ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return false
        } catch {
            return error is IOInterruption
        }
    }
}
