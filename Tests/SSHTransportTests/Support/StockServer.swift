// The socket constants of a file that is compiled after one with CLibSSH are visible through it alone.
import CLibSSH
import Foundation
import Glibc

/// A stock `sshd` on loopback, with its own host key, for the user that runs the tests.
final class StockServer {
    let port: UInt16
    let directory: TemporaryDirectory
    private let process: TestProcess

    static let isAvailable = access("/usr/sbin/sshd", X_OK) == 0 && access("/usr/bin/ssh-keygen", X_OK) == 0

    /// The login name that the server knows.
    static let user = NSUserName()

    /// Starts the server and waits until it listens.
    ///
    /// - Parameters:
    ///   - authorizedKeys: the text of the file.
    ///   - settings: further lines of `sshd_config`.
    init(
        in directory: TemporaryDirectory,
        authorizedKeys: String,
        hostKey: String = "host_key",
        port: UInt16? = nil,
        settings: String = ""
    ) throws {
        self.directory = directory
        let port = try port ?? Self.freePort()
        self.port = port
        if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
        let file = try directory.write(authorizedKeys, to: "authorized_keys")
        if access(directory.path + "/" + hostKey, F_OK) != 0 { try makeKey(hostKey, in: directory) }
        let configuration = try directory.write(
            """
            Port \(port)
            ListenAddress 127.0.0.1
            ListenAddress ::1
            HostKey \(directory.path)/\(hostKey)
            AuthorizedKeysFile \(file)
            StrictModes no
            PermitRootLogin yes
            UsePAM no
            PidFile none
            PasswordAuthentication no
            \(settings)
            """,
            to: "sshd_config"
        )
        process = try TestProcess("/usr/sbin/sshd", ["-D", "-e", "-f", configuration])
        let start = process.readOutput(until: "Server listening on 127.0.0.1")
        guard start.contains("Server listening on 127.0.0.1") else {
            throw TestFailure("sshd did not start: \(start)")
        }
    }

    deinit { stop() }

    func stop() { process.stop() }

    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard code == 0 else { throw TestFailure("no free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Makes a key pair and returns the line of its public half.
@discardableResult
func makeKey(
    _ name: String,
    in directory: TemporaryDirectory,
    type: String = "ed25519",
    passphrase: String = ""
) throws -> String {
    let path = directory.path + "/" + name
    try run("/usr/bin/ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", name, "-f", path])
    return directory.read(name + ".pub")
}

/// Runs a program to its end and returns what it has printed.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = try TestProcess(program, arguments)
    let text = process.readOutput()
    let status = process.wait()
    guard status == 0 else { throw TestFailure("\(program) ended with \(status): \(text)") }
    return text
}

private nonisolated(unsafe) let spawning: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    return mutex
}()

/// A child process whose output, of both kinds, is read through one pipe.
final class TestProcess {
    private var identifier: pid_t = 0
    private let output: Int32

    init(_ program: String, _ arguments: [String]) throws {
        var pipe: [Int32] = [-1, -1]
        // Another test's child, started between the two calls, would keep the pipe open.
        pthread_mutex_lock(spawning)
        defer { pthread_mutex_unlock(spawning) }
        guard Glibc.pipe(&pipe) == 0 else { throw TestFailure("pipe: \(String(cString: strerror(errno)))") }
        for descriptor in pipe { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        output = pipe[0]
        defer { close(pipe[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipe[1], 1)
        posix_spawn_file_actions_adddup2(&actions, pipe[1], 2)
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let code = posix_spawn(&identifier, program, &actions, nil, &words, environ)
        guard code == 0 else { throw TestFailure("\(program): \(String(cString: strerror(code)))") }
    }

    deinit {
        stop()
        close(output)
    }

    /// Reads until `mark` has come, or to the end.
    func readOutput(until mark: String? = nil) -> String {
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 4096)
        while mark.map({ !text.contains($0) }) ?? true {
            let count = read(output, &chunk, chunk.count)
            guard count > 0 else { break }
            text += String(decoding: chunk.prefix(count), as: UTF8.self)
        }
        return text
    }

    /// Waits for the end and returns the exit status, or the negated signal. Once.
    func wait() -> Int32 {
        guard identifier != 0 else { return 0 }
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        identifier = 0
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }

    /// Ends the process, and what it has started: sshd leaves a process to each connection, in a session of its own.
    func stop() {
        guard identifier != 0 else { return }
        for process in Self.family(of: identifier) { kill(process, SIGKILL) }
        _ = wait()
    }

    /// A process and all its descendants, parents first.
    private static func family(of process: pid_t) -> [pid_t] {
        let list = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
        let children = (list ?? "").split(separator: " ").compactMap { pid_t($0) }
        return [process] + children.flatMap { family(of: $0) }
    }
}
