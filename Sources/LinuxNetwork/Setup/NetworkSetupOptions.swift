public import Logging

/// How the host's network is changed, whatever is changed.
public struct NetworkSetupOptions: Sendable {
    /// Where the state files lie that make a killed run's changes known to the next one. Made if it is missing, with
    /// mode 0711. Files in it have mode 0600.
    public var stateDirectory = "/run/packet-tunnel"

    /// Where it is kept what was in `/etc/resolv.conf` before: has to outlive the boot. Made if it is missing.
    public var persistentDirectory = "/var/lib/packet-tunnel"

    /// Changes are made by commands that run through `sudo -n` (`ip`, `sysctl`, `nft`) instead of by this process:
    /// `SudoNetworkConfigCommands`.
    public var usesSudo = false

    /// What fails for IPv6 alone is a warning (the seed's `AllowNoIPv6NetworkConfiguration`).
    public var allowsMissingIPv6 = false

    /// A kernel without IPv6, or one that has it switched off on every interface, is a warning: for a client, as nothing can
    /// go beside its tunnel there.
    public var allowsKernelWithoutIPv6 = false

    /// The option that sets `allowsMissingIPv6`, as a person writes it; for advice.
    public var missingIPv6Setting = "AllowNoIPv6 yes"

    /// Gets warnings and what was removed of a killed run.
    public var logger: Logger

    /// False makes host routes do where rules would be used. For the tests.
    var usesRules = true

    /// The file that programs take their resolvers from. Tests have their own.
    var resolverFile = "/etc/resolv.conf"

    /// Words before each command instead of `sudo -n` or none. The tests run commands in their namespaces by it.
    var commandPrefix: [String]?

    var runner: CommandRunner {
        CommandRunner(prefix: commandPrefix ?? (usesSudo ? ["sudo", "-n"] : []))
    }

    /// The defaults, with a place for warnings.
    public init(logger: Logger) {
        self.logger = logger
    }
}
