internal import Dispatch
internal import Glibc
internal import Synchronization

/// A shell command whose standard input and output are ours; its standard error is this process's.
///
/// It is always reaped, and `end` takes everything down that it has started.
final class ChildProcess: @unchecked Sendable {
    /// How it has ended.
    enum Status {
        case exited(Int32)
        case killed(Int32)
        case notStarted(String)
    }

    /// The command.
    let command: String
    /// The process, which is gone after its end.
    let identifier: pid_t

    private static let running = Mutex<[pid_t: ChildProcess]>([:])
    /// Time to end by itself when its input has ended, and to obey SIGTERM.
    private static let grace: Duration = .milliseconds(500)

    private let hasOwnGroup: Bool
    private let streams: Mutex<(input: Int32, output: Int32)?>
    private let status = Mutex<Status?>(nil)
    private let hasExited = DispatchGroup()

    /// Starts it, with some more variables in its environment.
    ///
    /// - Throws: `CommandError`.
    init(_ command: String, environment: [String: String]) throws {
        self.command = command
        // A command that asks for a passphrase has to be in the terminal's foreground, and then Ctrl-C reaches it, too.
        hasOwnGroup = !Self.isInForeground
        let spawned = try ChildSpawning.spawn(command, environment: environment, inOwnGroup: hasOwnGroup)
        identifier = spawned.identifier
        streams = Mutex((spawned.output, spawned.input))
        Self.running.withLock { $0[identifier] = self }
        hasExited.enter()
        BlockingWork.run { self.reap() }
    }

    deinit {
        guard let (input, output) = streams.withLock({ $0 }) else { return }
        close(input)
        close(output)
    }

    /// Our ends of its output and input. Whoever takes them closes them.
    func takeStreams() -> (input: Int32, output: Int32) {
        streams.withLock { streams in
            defer { streams = nil }
            return streams ?? (-1, -1)
        }
    }

    /// Waits for the end for some time; nil if it goes on.
    func waitForExit(_ time: Duration) -> Status? {
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        guard hasExited.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success else { return nil }
        return status.withLock { $0 }
    }

    /// Ends it: by the end of its input, then by SIGTERM, then by SIGKILL. Idempotent.
    func end() -> Status {
        if let (input, output) = streams.withLock({ $0 }) {
            _ = takeStreams()
            close(input)
            close(output)
        }
        let natural = waitForExit(Self.grace)
        signal(SIGTERM)
        if let status = natural ?? waitForExit(Self.grace) {
            signal(SIGKILL)
            return status
        }
        signal(SIGKILL)
        hasExited.wait()
        return status.withLock { $0 } ?? .killed(SIGKILL)
    }

    /// Ends all that still run.
    static func endAll() {
        for child in running.withLock({ Array($0.values) }) { _ = child.end() }
    }

    /// What it has started may have outlived it.
    private func signal(_ number: Int32) {
        if hasOwnGroup {
            kill(-identifier, number)
        } else if status.withLock({ $0 }) == nil {
            for process in ChildConnections.family(of: identifier) { kill(process, number) }
        }
    }

    private func reap() {
        var word: Int32 = 0
        while waitpid(identifier, &word, 0) < 0, errno == EINTR {}
        // The macros of wait(2): the low seven bits are the signal, the next byte is the exit status.
        let signal = word & 0x7f
        status.withLock { $0 = signal == 0 ? .exited(word >> 8 & 0xff) : .killed(signal) }
        Self.running.withLock { $0[identifier] = nil }
        hasExited.leave()
    }

    private static var isInForeground: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return tcgetpgrp(terminal) == getpgrp()
    }
}
