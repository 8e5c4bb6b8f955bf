internal import TunnelConfiguration

/// What a server can be asked without a tunnel; the words are the commands of the SSH session channel.
enum ServerQuestion: String {
    /// MTU, DNS addresses, version, limits.
    case info
    /// The user's own sessions.
    case status
}

/// The client, from its options on.
enum TunnelClientProgram {
    /// Keeps a tunnel up until told to stop.
    ///
    /// - Parameter options: checked options.
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func run(_ options: UpOptions) async -> ExitStatus {
        StandardError.printLine("packet-tunnel: not wired")
        return .software
    }

    /// Prints a server's answer.
    ///
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func ask(_ question: ServerQuestion, over connection: ConnectionOptions) async -> ExitStatus {
        StandardError.printLine("packet-tunnel: not wired")
        return .software
    }
}
