import CLibSSH
import Glibc
import Testing

@testable import SSHTransport

@Suite("Receiving for the library") struct SSHSessionReceiveTests {
    /// A session of the library over one end of a socket pair, and the other end.
    private final class Line {
        let session: ssh_session
        let near: Int32
        private(set) var far: Int32
        let peer: OpaquePointer
        let receiver: OpaquePointer

        private static let firstNumber: Int32 = 800

        init(_ library: SSHServerLibrary) throws {
            var pair: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            // A number that no test beside this one is given as the lowest free one, also while it is free.
            near = fcntl(pair[0], F_DUPFD, Self.firstNumber)
            close(pair[0])
            far = pair[1]
            try #require(near >= 0)
            session = try #require(library.makeSession(near))
            peer = try #require(libssh_shim_peer_attach(session, nil, nil, nil))
            receiver = try #require(libssh_shim_receive_attach(peer))
        }

        deinit {
            libssh_shim_receive_detach(receiver)
            ssh_free(session)
            libssh_shim_peer_free(peer)
            closeFar()
        }

        func closeFar() {
            if far != -1 { close(far) }
            far = -1
        }

        var pending: Int { libssh_shim_receive_pending(receiver) }

        func send(_ bytes: [UInt8]) { _ = Glibc.send(far, bytes, bytes.count, 0) }

        /// As the library does it: a poll, and a portion.
        func receive(_ count: Int) -> [UInt8] {
            guard poll(POLLIN) == POLLIN else { return [] }
            var buffer = [UInt8](repeating: 0, count: count)
            let received = recv(near, &buffer, count, Int32(0))
            return Array(buffer.prefix(max(received, 0)))
        }

        func poll(_ events: Int32) -> Int32 {
            var entry = pollfd(fd: near, events: Int16(events), revents: 0)
            _ = Glibc.poll(&entry, 1, 0)
            return Int32(entry.revents)
        }
    }

    private let library: SSHServerLibrary
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        var configuration = SSHServerConfiguration()
        configuration.hostKeyFiles = [directory.path + "/key"]
        library = try SSHServerLibrary(configuration)
    }

    private func numbers(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) } }

    @Test("takes everything at once and hands it out in the library's portions")
    func portions() throws {
        let line = try Line(library)
        let sent = numbers(10_000)
        line.send(sent)
        #expect(line.receive(4096) == Array(sent[..<4096]))
        #expect(line.pending == 10_000 - 4096)
        #expect(line.poll(POLLIN) == POLLIN, "nothing is left in the kernel")
        #expect(line.poll(POLLIN | POLLOUT) == POLLIN | POLLOUT)
        #expect(line.receive(4096) + line.receive(4096) == Array(sent[4096...]))
        #expect(line.pending == 0)
        #expect(line.poll(POLLIN) == 0)
    }

    @Test("keeps what one session has left while others receive, in order")
    func leftovers() throws {
        let lines = try (0..<3).map { _ in try Line(library) }
        let sent = numbers(30_000)
        for line in lines { line.send(sent) }
        var received = [[UInt8]](repeating: [], count: lines.count)
        while received.contains(where: { $0.count < sent.count }) {
            for (index, line) in lines.enumerated() {
                let portion = line.receive(1000 + index)
                try #require(!portion.isEmpty || received[index].count == sent.count)
                received[index] += portion
                if received[index].count == sent.count { break }
            }
            if let done = received.firstIndex(where: { $0.count == sent.count }) {
                // From here on the others go on by themselves.
                for (index, line) in lines.enumerated() where index != done {
                    while received[index].count < sent.count { received[index] += line.receive(4096) }
                }
            }
        }
        #expect(received.allSatisfy { $0 == sent })
        #expect(lines.allSatisfy { $0.pending == 0 })
    }

    @Test("while one session has bytes left, others receive what is handled at once")
    func portionsBesideLeftovers() throws {
        let (first, second) = (try Line(library), try Line(library))
        let sent = numbers(100_000)
        for line in [first, second] { line.send(sent) }
        #expect(first.receive(4_096) == Array(sent[..<4_096]))
        #expect(first.pending == 100_000 - 4_096)
        #expect(second.receive(4_096) == Array(sent[..<4_096]))
        #expect(second.pending == 65_536 - 4_096)
        #expect(first.receive(100_000) == Array(sent[4_096...]))
        #expect(second.receive(100_000) == Array(sent[4_096..<65_536]))
        #expect(second.receive(4_096) == Array(sent[65_536..<69_632]))
        #expect(second.pending == 100_000 - 69_632, "nobody has bytes left, and all is received again")
    }

    @Test("reports no input while it is held, and no room to write while that is held too")
    func holding() throws {
        let line = try Line(library)
        line.send([1])
        libssh_shim_receive_hold(line.receiver, LIBSSH_SHIM_HOLD_INPUT)
        #expect(line.poll(POLLIN | POLLOUT) == POLLOUT)
        libssh_shim_receive_hold(line.receiver, LIBSSH_SHIM_HOLD_BOTH)
        #expect(line.poll(POLLIN | POLLOUT) == 0)
        libssh_shim_receive_hold(line.receiver, LIBSSH_SHIM_HOLD_NOTHING)
        #expect(line.poll(POLLIN | POLLOUT) == POLLIN | POLLOUT)
    }

    @Test("hands on the error that ended the connection")
    func failure() throws {
        let line = try Line(library)
        _ = Glibc.send(line.near, [1], 1, 0)
        line.closeFar()  // with a byte unread, which the other side learns
        #expect(line.poll(POLLIN) == POLLIN)
        #expect(line.poll(POLLIN) == POLLIN)
        var byte: UInt8 = 0
        #expect(recv(line.near, &byte, 1, 0) == -1 && errno == ECONNRESET)
        #expect(recv(line.near, &byte, 1, 0) == 0)
    }

    @Test("a send that finds no room has sent nothing, and there is room again when the peer has read")
    func room() throws {
        let line = try Line(library)
        let bytes = numbers(10_000)
        let send = { Glibc.send(line.near, bytes, bytes.count, Int32(MSG_DONTWAIT)) }
        var sent = 0
        while case let count = send(), count > 0 { sent += count }
        #expect(send() == 0)
        #expect(line.poll(POLLOUT) == 0)
        var buffer = [UInt8](repeating: 0, count: sent)
        #expect(recv(line.far, &buffer, sent, Int32(MSG_WAITALL)) == sent)
        #expect(line.poll(POLLOUT) == POLLOUT)
    }

    @Test("leaves every other descriptor alone, one with a session's old number included")
    func otherDescriptors() throws {
        let line = try Line(library)
        line.send(numbers(5000))
        _ = line.receive(100)
        #expect(line.pending == 4900)
        ssh_silent_disconnect(line.session)
        var pair: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { for descriptor in pair { close(descriptor) } }
        _ = dup2(pair[0], line.near)
        defer { close(line.near) }
        _ = Glibc.send(pair[1], [42], 1, 0)
        #expect(line.receive(10) == [42])
    }
}
