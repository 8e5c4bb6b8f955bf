internal import Glibc
internal import LinuxNetwork
internal import Logging

extension NetworkSetupOptions {
    /// What the options say about changing the host's network. The state of a user's own tunnels lies where the user
    /// may write.
    init(usesSudo: Bool, logger: Logger) {
        self.init(logger: logger)
        self.usesSudo = usesSudo
        guard usesSudo else { return }
        if let directory = Self.variable("XDG_RUNTIME_DIR") { stateDirectory = directory + "/packet-tunnel" }
        if let directory = Self.variable("XDG_STATE_HOME") ?? Self.variable("HOME").map({ $0 + "/.local/state" }) {
            persistentDirectory = directory + "/packet-tunnel"
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
