internal import EventLoops
internal import Glibc

/// Runs a command of a configuration file, on the calling thread, with a bound in time and output.
enum ShellCommand {
    private static let outputLimit = 1 << 20

    /// Runs a shell command without input and output, as `Match exec` asks for.
    ///
    /// - Returns: true if it exits with status 0 in time.
    static func succeeds(_ command: String, timeout: Int32) -> Bool {
        let shell = getenv("SHELL").map { String(cString: $0) } ?? ""
        let words = [shell.isEmpty ? "/bin/sh" : shell, "-c", command]
        // Not a pipe: what the command leaves running would keep it open.
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        guard let process = spawn(words, output: null) else { return false }
        let deadline = SystemClock.milliseconds + Int(timeout)
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) == 0 {
            if SystemClock.milliseconds > deadline { kill(process, SIGKILL) }
            usleep(5_000)
        }
        return status == 0
    }

    /// Runs a program.
    ///
    /// - Parameters:
    ///   - arguments: the program's path, and what it is given.
    ///   - timeout: in milliseconds; a program that takes longer is ended.
    /// - Returns: its exit status (nil: ended by a signal) and standard output; nil if it cannot be run, takes too long or
    ///   says too much.
    static func run(_ arguments: [String], timeout: Int32) -> (status: Int32?, output: [UInt8])? {
        var ends: [Int32] = [-1, -1]
        // Not pipe(2): a program that another thread starts meanwhile must not keep an end.
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            return nil
        }
        defer { close(ends[0]) }
        guard let process = spawn(arguments, output: ends[1]) else {
            close(ends[1])
            return nil
        }
        close(ends[1])
        let output = read(ends[0], until: SystemClock.milliseconds + Int(timeout))
        if output == nil { kill(process, SIGKILL) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard let output else { return nil }
        return (status & 0x7f == 0 ? status >> 8 & 0xff : nil, output)
    }

    private static func spawn(_ arguments: [String], output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The thread may block signals that the command has to hear.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        guard posix_spawn(&process, arguments[0], &actions, &attributes, &words, environ) == 0 else { return nil }
        return process
    }

    private static func read(_ descriptor: Int32, until deadline: Int) -> [UInt8]? {
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while output.count <= outputLimit {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wait, 1, Int32(clamping: max(0, deadline - SystemClock.milliseconds)))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? output : nil }
            output += chunk.prefix(count)
        }
        return nil
    }
}
