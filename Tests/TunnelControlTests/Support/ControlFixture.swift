import EventLoops
import Glibc
import Logging

@testable import TunnelControl

/// A control socket in a directory of its own, on a loop of its own, that does what a test says.
final class ControlFixture {
    typealias Answer = @Sendable (ControlConnection, ControlRequest) -> Void

    let path: String
    let loop: EventLoop
    private let directory: String
    private let server: ControlServer

    init(limits: ControlLimits = ControlLimits(), answer: @escaping Answer = { _, _ in }) throws {
        var template = Array("/tmp/control-test-XXXXXX".utf8CString)
        mkdtemp(&template)
        directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        path = "\(directory)/control.sock"
        loop = try EventLoop(name: "control-test")
        server = try ControlServer(
            path: path,
            group: "no-such-group",
            loop: loop,
            limits: limits,
            delegate: Delegate(answer: answer),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    deinit {
        loop.stop()
        unlink(path)
        rmdir(directory)
    }

    /// Removes the socket, as a daemon that ends does.
    func stop() async {
        await server.stop()
    }

    /// Kept by the server; the fixture itself must not be held on the loop, which it ends.
    private final class Delegate: ControlServerDelegate {
        private let answer: Answer

        init(answer: @escaping Answer) { self.answer = answer }

        func control(_ connection: ControlConnection, asks request: ControlRequest) {
            answer(connection, request)
        }
    }
}

/// Two ends of a pipe or of a socket pair, closed with it.
final class Ends: Sendable {
    let first: Int32
    let second: Int32

    private init(_ ends: [Int32]) {
        first = ends[0]
        second = ends[1]
    }

    /// `first` is read from what is written to `second`.
    static func pipe() -> Ends {
        var ends: [Int32] = [-1, -1]
        Glibc.pipe(&ends)
        return Ends(ends)
    }

    static func sockets(_ type: __socket_type = SOCK_STREAM) -> Ends {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends)
        return Ends(ends)
    }

    deinit {
        close(first)
        close(second)
    }
}

/// A descriptor that is closed with it.
final class File: Sendable {
    let descriptor: Int32

    init(_ path: String, _ flags: Int32) {
        descriptor = open(path, flags)
    }

    deinit { close(descriptor) }
}

/// Writes, reads and compares a word.
func carries(_ word: String, from output: Int32, to input: Int32) -> Bool {
    let bytes = Array(word.utf8)
    guard write(output, bytes, bytes.count) == bytes.count else { return false }
    var waiting = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, 5000) == 1 else { return false }
    var buffer = [UInt8](repeating: 0, count: bytes.count)
    return read(input, &buffer, buffer.count) == bytes.count && buffer == bytes
}
