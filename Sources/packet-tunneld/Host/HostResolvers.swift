internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import Synchronization
internal import TunnelConfiguration

/// The resolvers that answer clients: those of the configuration, or those of the host as they are now. Safe from any
/// thread.
final class HostResolvers: Sendable {
    private let configured: [IPAddress]
    private let files: [String]
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var stamps: [FileStamp?]
        var found: SystemResolvers
        var unreachable: [IPAddress] = []
    }

    /// Reads the host's files, unless the configuration names resolvers.
    init(_ configuration: DaemonConfiguration, files: [String] = SystemResolvers.files, logger: Logger) {
        configured = configuration.dnsResolvers
        self.files = files
        self.logger = logger
        // The stamps first: a change in between is seen the next time.
        state = Mutex(State(stamps: files.map { FileStamp($0) }, found: SystemResolvers.read(files)))
        if configured.isEmpty { report(state.withLock { $0.found }) }
        reportUnreachable()
    }

    /// The resolvers now. Looks whether the files have changed, which takes microseconds, and reads them if they have.
    var addresses: [IPAddress] {
        guard configured.isEmpty else { return configured }
        let (found, hasChanged) = state.withLock { state in
            let stamps = files.map { FileStamp($0) }
            guard stamps != state.stamps else { return (state.found, false) }
            let old = state.found
            state.stamps = stamps
            state.found = SystemResolvers.read(files)
            return (state.found, state.found != old)
        }
        if hasChanged { report(found) }
        return found.addresses
    }

    /// Says which resolvers no route leads to now, when that has changed. Asks the kernel and waits: not for a loop.
    func reportUnreachable() {
        let unreachable = addresses.filter { address in
            do throws(NetworkSetupError) {
                return try HostNetwork.route(to: address) == nil
            } catch {
                return false
            }
        }
        let hasChanged = state.withLock { state in
            defer { state.unreachable = unreachable }
            return state.unreachable != unreachable
        }
        guard hasChanged else { return }
        let list = unreachable.map(\.description).joined(separator: " ")
        if unreachable.isEmpty {
            logger.notice("a route leads to every resolver")
        } else {
            logger.warning("no route leads to some resolvers", metadata: ["addresses": "\(list)"])
        }
    }

    private func report(_ found: SystemResolvers) {
        if let problem = found.problem {
            return logger.warning("clients have no DNS", metadata: ["reason": "\(problem)"])
        }
        let list = found.addresses.map(\.description).joined(separator: " ")
        logger.notice("resolvers for new sessions", metadata: ["addresses": "\(list)", "file": "\(found.file)"])
        if let omission = found.omission {
            logger.warning("some resolvers of this host are left out", metadata: ["reason": "\(omission)"])
        }
    }
}

/// What tells one state of a file from another, a symbolic link's target included.
private struct FileStamp: Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    /// Nil if there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        seconds = Int(status.st_ctim.tv_sec)
        nanoseconds = Int(status.st_ctim.tv_nsec)
    }
}
