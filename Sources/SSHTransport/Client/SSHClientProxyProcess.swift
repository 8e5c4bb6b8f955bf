internal import CLibSSH
internal import Glibc
internal import Synchronization

/// Makes proxy commands end when libssh wants them to.
///
/// libssh forks for a `ProxyCommand`, ends it with SIGTERM, and waits for it without a limit. The child inherits the
/// signal mask of the thread that connects; where that blocks SIGTERM, as programs do that receive signals by
/// `signalfd(2)` and as Dispatch does on its threads, the wait would never end. It also inherits our end of its own pipe, so
/// that what it has started itself, which no signal reaches, would never see the end of its input.
enum SSHClientProxyProcess {
    private static let connecting = Atomic<Int>(0)

    private static let isInstalled: Bool =
        pthread_atfork(
            nil,
            nil,
            {
                guard SSHClientProxyProcess.connecting.load(ordering: .relaxed) > 0 else { return }
                var none = sigset_t()
                sigemptyset(&none)
                pthread_sigmask(SIG_SETMASK, &none, nil)
                libssh_shim_close_on_exec()
            }
        ) == 0

    /// Runs `body`; processes that are forked meanwhile start with no signal blocked, and with the standard
    /// descriptors alone.
    static func whileForking<Result>(_ body: () -> Result) -> Result {
        _ = isInstalled
        connecting.add(1, ordering: .relaxed)
        defer { connecting.subtract(1, ordering: .relaxed) }
        return body()
    }
}
