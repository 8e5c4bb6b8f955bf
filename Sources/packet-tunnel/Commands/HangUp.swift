internal import Glibc

/// What SIGHUP means to this process: the end, if the terminal that it was started from has gone; otherwise, as to services, to
/// begin anew.
struct HangUp {
    /// The process is to outlive its terminal, as under nohup(1).
    let isIgnored: Bool
    /// True with a controlling terminal.
    let ends: Bool

    /// Looks at the process as it is now: after the signal there is no terminal any more.
    init() {
        var action = sigaction()
        sigaction(SIGHUP, nil, &action)
        isIgnored = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
        let terminal = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)
        ends = terminal >= 0
        if terminal >= 0 { close(terminal) }
    }
}
