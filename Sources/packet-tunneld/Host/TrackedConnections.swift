internal import IPPacket
internal import LinuxNetwork
internal import Logging
internal import PacketTunnel
internal import Synchronization

/// Keeps what the kernel remembers of each key's connections below `MaxFlowsPerKey`. Limits on flows alone do not: the kernel
/// remembers a flow for longer than its client's table, which gives a flow up for the next one.
///
/// Where the daemon changes the network through sudo, entries are counted and none is deleted.
final class TrackedConnections: Sendable {
    private struct State {
        var rows: [Status] = []
        var deleted: [String: Int] = [:]
        var hasFailed = false
    }

    private let state = Mutex(State())
    private let server: PacketTunnelServer
    private let limit: Int
    private let deletes: Bool
    private let logger: Logger

    /// The shortest time between two looks. One that takes longer, at a large table, is followed by a pause as long as it took.
    private static let interval = Duration.seconds(1)

    init(server: PacketTunnelServer, limit: Int, deletes: Bool, logger: Logger) {
        self.server = server
        self.limit = limit
        self.deletes = deletes
        self.logger = logger
    }

    /// Looks until the task is cancelled. As long as the whole table has less than one key may have, that costs nothing.
    @concurrent func keepBelowLimit() async {
        while !Task.isCancelled {
            let started = ContinuousClock.now
            if let count = ConnectionTracking.count, count > limit { await update() }
            try? await Task.sleep(for: max(Self.interval, ContinuousClock.now - started))
        }
    }

    /// Counts the entries of every key now, and deletes those beyond its share.
    func update() async {
        var holders: [IPAddress: String] = [:]
        for session in await server.status() {
            // One key may log in under many names. Behind a stock sshd there is only the name.
            let holder = session.keyFingerprint.isEmpty ? "user \(session.user)" : session.keyFingerprint
            for address in [session.assignedIPv4, session.assignedIPv6] {
                if let address = IPAddress(address) { holders[address] = holder }
            }
        }
        do throws(NetworkSetupError) {
            note(try await ConnectionTracking.keep(holders, below: deletes ? limit : .max))
        } catch {
            noteFailure(error)
        }
    }

    private func note(_ shares: [String: ConnectionTracking.Share]) {
        let cut = state.withLock { state in
            for (key, share) in shares where share.deleted > 0 { state.deleted[key, default: 0] += share.deleted }
            state.rows = shares.map { key, share in
                Status(
                    keyFingerprint: key,
                    trackedConnections: share.entries - share.deleted,
                    trackedConnectionsLimit: limit,
                    deletedConnections: state.deleted[key, default: 0]
                )
            }
            // Whoever has left takes its figure along.
            state.deleted = state.deleted.filter { shares[$0.key] != nil }
            return shares.filter { $0.value.deleted > 0 }
        }
        for (key, share) in cut {
            logger.debug(
                "tracked connections beyond the key's share were deleted",
                metadata: ["key": "\(key)", "tracked": "\(share.entries)", "deleted": "\(share.deleted)"]
            )
        }
    }

    private func noteFailure(_ error: NetworkSetupError) {
        let isFirst = state.withLock { state in
            defer { state.hasFailed = true }
            return !state.hasFailed
        }
        if isFirst { logger.warning("tracked connections have no bound", metadata: ["reason": "\(error)"]) }
    }

    /// What the kernel remembers of one key's connections.
    struct Status: Encodable {
        /// The key, or `user` and a name where no key is known.
        var keyFingerprint: String
        var trackedConnections: Int
        var trackedConnectionsLimit: Int
        /// Deleted so far.
        var deletedConnections: Int
    }

    /// One row for each key that has any, as of the last look.
    var status: [Status] { state.withLock(\.rows) }
}
