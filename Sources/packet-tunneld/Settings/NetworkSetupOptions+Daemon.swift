internal import LinuxNetwork
internal import Logging
internal import TunnelConfiguration

extension NetworkSetupOptions {
    /// What the configuration says about changing the host's network.
    init(_ configuration: DaemonConfiguration, logger: Logger) {
        self.init(logger: logger)
        stateDirectory = configuration.stateDirectory
        usesSudo = configuration.usesSudo
        allowsMissingIPv6 = configuration.allowsNoIPv6
    }
}
