internal import Glibc

/// Why the device or the host's network could not be set up, and the one thing to do about it.
public struct NetworkSetupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong, for choosing an exit code.
    public enum Kind: String, Sendable {
        /// `/dev/net/tun` does not exist or no driver answers it.
        case tunMissing
        /// The process lacks `CAP_NET_ADMIN`, or `sudo -n` was refused.
        case notPermitted
        /// An interface of the wanted name exists already.
        case nameBusy
        /// A name cannot be an interface's, or the interface is of another kind.
        case badName
        /// Another running process holds the state file of this name.
        case alreadyRunning
        /// An address pool overlaps a route of the host.
        case poolClash
        /// A wanted route exists already.
        case routeClash
        /// The command `nft`, or another that is needed, is not installed.
        case commandMissing
        /// A command ended with an error.
        case commandFailed
        /// No default route tells which interface leads to the internet.
        case noEgress
        /// A named interface does not exist.
        case unknownInterface
        /// The host has no IPv6, or refuses to configure it.
        case ipv6Unavailable
        /// The state file cannot be written.
        case stateFile
        /// This host's programs cannot be made to ask the tunnel's resolvers.
        case resolverSetup
        /// A system call failed in another way.
        case system
    }

    /// What went wrong, for choosing an exit code.
    public let kind: Kind
    /// What went wrong, in words, without a final full stop.
    public let reason: String
    /// What to do about it.
    public let advice: String

    /// Names a problem and its remedy.
    public init(_ kind: Kind, _ reason: String, advice: String) {
        self.kind = kind
        self.reason = reason
        self.advice = advice
    }

    /// One line: the problem, and after a colon the advice.
    public var description: String { "\(reason): \(advice)" }

    static func errorText(_ code: Int32) -> String {
        String(cString: strerror(code))
    }

    /// A host, or a container, that does not do IPv6.
    static func ipv6Unavailable(_ problem: String, _ options: NetworkSetupOptions) -> NetworkSetupError {
        NetworkSetupError(
            .ipv6Unavailable,
            "IPv6 cannot be set up: \(problem)",
            advice: "to do without it, set \(options.missingIPv6Setting)"
        )
    }

    /// A kernel setting that this process sees but cannot write.
    static func readOnly(_ setting: Sysctl, _ value: String) -> NetworkSetupError {
        NetworkSetupError(
            .system,
            "cannot set \(setting.path) to \(value), because /proc/sys is read-only",
            advice: "set it from outside; with Docker or Podman, run the container with --sysctl \(setting.outside)"
        )
    }

    static func notPermitted(_ action: String) -> NetworkSetupError {
        NetworkSetupError(
            .notPermitted,
            "not permitted to \(action)",
            advice: "run as root or with CAP_NET_ADMIN, or through sudo (SudoNetworkConfiguration, --sudo)"
        )
    }

    /// The error of a system call that `action` needed.
    static func system(_ action: String, code: Int32, detail: String = "") -> NetworkSetupError {
        if code == EPERM || code == EACCES { return .notPermitted(action) }
        let text = detail.isEmpty ? errorText(code) : "\(errorText(code)) (\(detail))"
        return NetworkSetupError(.system, "cannot \(action)", advice: text)
    }
}
