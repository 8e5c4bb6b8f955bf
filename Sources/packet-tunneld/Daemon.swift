internal import TunnelConfiguration

/// The daemon, from its configuration on.
enum DaemonProgram {
    /// Runs until told to stop.
    ///
    /// - Parameter configuration: checked settings.
    /// - Returns: how the process ends. What went wrong has been printed.
    @concurrent static func run(_ configuration: DaemonConfiguration) async -> ExitStatus {
        StandardError.printLine("packet-tunneld: not wired")
        return .software
    }
}
