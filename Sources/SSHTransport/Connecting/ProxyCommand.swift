internal import CLibSSH
internal import EventLoops
internal import Glibc
internal import Synchronization

/// A command that carries the connection by its standard input and output (`ProxyCommand`).
///
/// Both are one socket, not pipes: whatever libssh reads and sends by is then the same as with a connection of our own. The
/// command sees its end when the connection has ended, and is sent SIGTERM besides.
final class ProxyCommand: ConnectionLink {
    let identifier: pid_t
    private let command: String
    private let state = Mutex<(isClosed: Bool, status: Int32?)>((false, nil))

    /// Milliseconds to obey SIGTERM.
    private static let grace = 1_000

    /// Starts a command by the user's shell, as ssh does.
    ///
    /// - Returns: the link, and the socket that leads through it, which is the caller's.
    static func start(_ command: String) throws(SSHClientError) -> (descriptor: Int32, link: ProxyCommand) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw SSHClientError(.temporary, "socketpair: \(String(cString: strerror(errno)))")
        }
        defer { Glibc.close(ends[1]) }
        let shell = getenv("SHELL").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/bin/sh"
        var identifier: pid_t = 0
        let code = libssh_shim_spawn(&identifier, shell, "exec " + command, ends[1])
        guard code == 0 else {
            Glibc.close(ends[0])
            throw SSHClientError(.unreachable, "the proxy command: \(shell): \(String(cString: strerror(code)))")
        }
        _ = fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK)
        return (ends[0], ProxyCommand(identifier, command))
    }

    private init(_ identifier: pid_t, _ command: String) {
        self.identifier = identifier
        self.command = command
    }

    deinit { close() }

    let peers: [SSHPeer] = []

    /// Set if the command has ended with an error of its own.
    var failure: SSHClientError? {
        let status = state.withLock { state in
            if state.status == nil, !state.isClosed { state.status = Self.reap(identifier, WNOHANG) }
            return state.status
        }
        guard let status, status != 0 else { return nil }
        // The macros of wait(2): the low seven bits are the signal, the next byte is the exit status.
        let end =
            status & 0x7f == 0 ? "has ended with status \(status >> 8 & 0xff)" : "was ended by signal \(status & 0x7f)"
        return SSHClientError(.unreachable, "the proxy command \(end): \(command)")
    }

    /// A process closes its descriptors a little before its status is there.
    func settle() {
        for _ in 0..<20 where failure == nil { usleep(5_000) }
    }

    /// Ends the command, and reaps it on a thread of its own.
    func close() {
        let isRunning = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed && state.status == nil
        }
        guard isRunning else { return }
        kill(identifier, SIGTERM)
        DetachedThread.run { [identifier] in
            for _ in 0..<Self.grace / 10 {
                if Self.reap(identifier, WNOHANG) != nil { return }
                usleep(10_000)
            }
            kill(identifier, SIGKILL)
            _ = Self.reap(identifier, 0)
        }
    }

    /// - Returns: the status word; nil if the process goes on.
    private static func reap(_ identifier: pid_t, _ options: Int32) -> Int32? {
        var status: Int32 = 0
        var result = waitpid(identifier, &status, options)
        while result < 0, errno == EINTR { result = waitpid(identifier, &status, options) }
        return result == 0 ? nil : result < 0 ? 0 : status
    }
}
