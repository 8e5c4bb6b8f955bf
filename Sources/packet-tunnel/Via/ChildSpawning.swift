internal import FoundationEssentials
internal import Glibc

/// posix_spawn(3) for a shell command between two pipes.
enum ChildSpawning {
    struct Spawned {
        var identifier: pid_t
        /// Our end of its standard input.
        var input: Int32
        /// Our end of its standard output.
        var output: Int32
    }

    static func spawn(_ command: String, environment: [String: String], inOwnGroup: Bool) throws -> Spawned {
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard pipe(&input) == 0, pipe(&output) == 0 else {
            let reason = text(errno)
            for descriptor in input + output where descriptor >= 0 { close(descriptor) }
            throw CommandError(command, .notStarted(reason))
        }
        for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        defer {
            close(input[0])
            close(output[1])
        }
        var identifier: pid_t = 0
        let code = spawn(
            &identifier,
            ["/bin/sh", "-c", command],
            Self.environment(with: environment),
            input: input[0],
            output: output[1],
            inOwnGroup: inOwnGroup
        )
        guard code == 0 else {
            close(input[1])
            close(output[0])
            throw CommandError(command, .notStarted(text(code)))
        }
        return Spawned(identifier: identifier, input: input[1], output: output[0])
    }

    private static func spawn(
        _ identifier: inout pid_t,
        _ words: [String],
        _ environment: [String],
        input: Int32,
        output: Int32,
        inOwnGroup: Bool
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        // What this process ignores or blocks would stay so in the command: ssh, for one, leaves it alone then.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let group = inOwnGroup ? POSIX_SPAWN_SETPGROUP : 0
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))
        return withStrings(words) { words in
            withStrings(environment) { environment in
                posix_spawn(&identifier, "/bin/sh", &actions, &attributes, words, environment)
            }
        }
    }

    /// This process's environment, with some variables added or replaced.
    private static func environment(with variables: [String: String]) -> [String] {
        let inherited = ProcessInfo.processInfo.environment
        return inherited.merging(variables) { $1 }.map { "\($0)=\($1)" }
    }

    private static func withStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
