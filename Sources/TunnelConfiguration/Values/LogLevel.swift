public import OpenSSHSyntax

/// How much is logged, in sshd's words.
public enum LogLevel: String, ConfigurationChoice {
    /// Nothing.
    case quiet = "QUIET"
    /// Only why the daemon ends.
    case fatal = "FATAL"
    /// And what failed.
    case error = "ERROR"
    /// And sessions that come and go.
    case info = "INFO"
    /// And what was refused, and why.
    case verbose = "VERBOSE"
    /// And steps of the protocol.
    case debug = "DEBUG"
    /// The same as `debug`.
    case debug1 = "DEBUG1"
    /// And its details.
    case debug2 = "DEBUG2"
    /// And the SSH library's own messages.
    case debug3 = "DEBUG3"
}
