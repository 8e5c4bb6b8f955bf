internal import Glibc
internal import TunnelConfiguration

/// The end of the process.
enum ProgramEnd {
    /// What still waits for the network by then, waits in vain.
    private static let patience: Duration = .milliseconds(500)

    /// Ends the process with this status.
    ///
    /// Connections that other threads are about to close get a moment to say so to their servers. Exit handlers do not run:
    /// libraries take their tables down there, under whatever thread still uses them.
    static func now(_ status: ExitStatus) -> Never {
        BlockingWork.waitForAll(patience)
        fflush(nil)
        _exit(status.rawValue)
    }
}
