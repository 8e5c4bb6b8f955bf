internal import Glibc

/// A command in a terminal of its own, which is its controlling one.
struct Terminal {
    private let descriptor: Int32
    private let process: pid_t

    // Of asm-generic/ioctls.h and spawn.h, which the Glibc module leaves out.
    private static let setLock: UInt = 0x4004_5431, getNumber: UInt = 0x8004_5430  // TIOCSPTLCK, TIOCGPTN
    private static let newSession: Int16 = 0x80  // POSIX_SPAWN_SETSID

    nonisolated(unsafe) private static var interrupted: pid_t = 0

    /// Starts the command.
    init(running command: [String]) throws {
        descriptor = try SystemFailure.check(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), "/dev/ptmx")
        var locked: Int32 = 0
        var number: Int32 = 0
        try SystemFailure.check(ioctl(descriptor, Self.setLock, &locked), "unlock the terminal")
        try SystemFailure.check(ioctl(descriptor, Self.getNumber, &number), "the terminal's number")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Opened by the leader of a new session, it becomes the controlling terminal.
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/pts/\(number)", O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Self.newSession)
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, command.first ?? "", &actions, &attributes, &words, environ)
        guard code == 0 else { throw SystemFailure(call: command.first ?? "command", code: code) }
        self.process = process
        Self.interrupted = process
        signal(SIGTERM) { _ in kill(Terminal.interrupted, SIGINT) }
    }

    /// What was shown next; nil once nobody has the terminal open.
    func read() -> [UInt8]? {
        var piece = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            return count > 0 ? Array(piece[..<count]) : nil
        }
    }

    func write(_ bytes: [UInt8]) {
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }

    /// Waits for the command; its exit status, or 128 and the signal that it died of.
    func end() -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }
}
