internal import Logging
internal import Synchronization
internal import TunnelConfiguration

/// The configuration as it is now: that of the start, with what could be changed since. From any thread.
final class LiveConfiguration: Sendable {
    private let value: Mutex<DaemonConfiguration>
    private let load: @Sendable () throws(ConfigurationProblems) -> LoadedConfiguration
    private let logger: Logger

    /// - Parameter load: reads the configuration anew, from where it came from at the start.
    init(
        _ configuration: DaemonConfiguration,
        logger: Logger,
        load: @escaping @Sendable () throws(ConfigurationProblems) -> LoadedConfiguration
    ) {
        value = Mutex(configuration)
        self.logger = logger
        self.load = load
    }

    /// The settings in force.
    var current: DaemonConfiguration { value.withLock { $0 } }

    /// Reads the configuration anew, and says what came of it. A file that is wrong changes nothing.
    ///
    /// - Returns: true if it was read.
    func reload() -> Bool {
        let loaded: DaemonConfiguration
        do throws(ConfigurationProblems) {
            loaded = try load().configuration
        } catch {
            for problem in error.problems {
                logger.error("configuration not reloaded", metadata: ["problem": "\(problem)"])
            }
            return false
        }
        let before = current
        let changed = loaded.changes(from: before)
        let (now, later) = (
            changed.filter(DaemonConfiguration.reloadableKeywords.contains),
            changed.filter { !DaemonConfiguration.reloadableKeywords.contains($0) }
        )
        value.withLock { $0 = before.following(loaded) }
        ProgramLog.setLevel(loaded.logLevel)
        logger.notice(
            "configuration reloaded",
            metadata: now.isEmpty ? [:] : ["changed": "\(now.joined(separator: " "))"]
        )
        if !later.isEmpty {
            logger.warning(
                "changed settings take effect after a restart",
                metadata: ["keywords": "\(later.joined(separator: " "))"]
            )
        }
        return true
    }
}
