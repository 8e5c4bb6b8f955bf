internal import Dispatch
internal import Glibc
internal import Synchronization

/// A shell command whose standard input and output are ours; its standard error is this process's.
///
/// It is always reaped, and `end` takes everything down that it has started.
final class ChildProcess: Sendable {
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

    private static let unfinished = Mutex<[pid_t: ChildProcess]>([:])
    /// Time to end by itself when its input has ended, and to obey SIGTERM.
    private static let grace: Duration = .milliseconds(500)

    private let hasOwnGroup: Bool
    private let streams: Mutex<(input: Int32, output: Int32)?>
    private let status = Mutex<Status?>(nil)
    private let hasExited = DispatchGroup()

    /// Starts it, with some more variables in its environment.
    ///
    /// - Parameter script: what is run, where that is more than the command.
    /// - Throws: `CommandError`.
    init(_ command: String, script: String? = nil, environment: [String: String]) throws {
        self.command = command
        // A command that asks for a passphrase has to be in the terminal's foreground, and then Ctrl-C reaches it, too.
        hasOwnGroup = !Self.isInForeground
        let spawned = try ChildSpawning.spawn(script ?? command, environment: environment, inOwnGroup: hasOwnGroup)
        identifier = spawned.identifier
        streams = Mutex((spawned.output, spawned.input))
        Self.unfinished.withLock { $0[identifier] = self }
        hasExited.enter()
        BlockingWork.run { self.reap() }
    }

    /// Our ends of its output and input. The caller that takes them closes them.
    func takeStreams() -> (input: Int32, output: Int32) {
        streams.withLock { streams in
            defer { streams = nil }
            return streams ?? (-1, -1)
        }
    }

    /// The first bytes of what it has said, if nobody has taken the streams; does not wait for more.
    func readOpening() -> [UInt8] {
        guard let input = streams.withLock({ $0?.input }) else { return [] }
        _ = fcntl(input, F_SETFL, O_NONBLOCK)
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(input, &buffer, buffer.count)
        return Array(buffer.prefix(max(0, count)))
    }

    private func closeStreams() {
        let streams = takeStreams()
        for descriptor in [streams.input, streams.output] where descriptor >= 0 { close(descriptor) }
    }

    /// Waits for the end for some time; nil if it goes on.
    func waitForExit(_ time: Duration) -> Status? {
        let (seconds, attoseconds) = time.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        guard hasExited.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success else { return nil }
        return status.withLock { $0 }
    }

    /// Ends it: by the end of its input, then by SIGTERM, then by SIGKILL. Once for each child, whatever became of it.
    func end() -> Status {
        defer { Self.unfinished.withLock { $0[identifier] = nil } }
        closeStreams()
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

    /// Ends all that nobody has ended.
    static func endAll() {
        for child in unfinished.withLock({ Array($0.values) }) { _ = child.end() }
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
        hasExited.leave()
    }

    private static var isInForeground: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard terminal >= 0 else { return false }
        defer { close(terminal) }
        return tcgetpgrp(terminal) == getpgrp()
    }
}
