internal import Synchronization

/// What one key's connections take together: a bound for each, however often it logs in. For any thread.
final class SSHServerKeyShares: Sendable {
    private struct Share {
        var connections = 0
        /// Those without a tunnel, the oldest first.
        var idle: [(id: ObjectIdentifier, since: UInt64, end: @Sendable () -> Void)] = []
        var commands: Double
        var commandTime: UInt64
        var refusedCommands = 0
        var endedConnections = 0
    }

    private let limits: SSHServerConfiguration.KeyLimits
    private let shares = Mutex<[String: Share]>([:])

    init(_ limits: SSHServerConfiguration.KeyLimits) {
        self.limits = limits
    }

    /// A connection has logged in, or has lost its tunnel.
    ///
    /// - Parameters:
    ///   - key: the fingerprint.
    ///   - end: ends the connection, from any thread. Called when the key has too many, of which this is the oldest.
    func becameIdle(
        _ key: String,
        _ id: ObjectIdentifier,
        isNew: Bool,
        now: UInt64,
        end: @escaping @Sendable () -> Void
    ) {
        let surplus: (@Sendable () -> Void)? = shares.withLock { shares in
            var share = shares[key] ?? Share(commands: limits.commandBurst, commandTime: now)
            defer { shares[key] = share }
            if isNew { share.connections += 1 }
            share.idle.append((id, now, end))
            guard share.idle.count > limits.connectionsWithoutTunnel, let oldest = share.idle.first else { return nil }
            // Many that log in at the same moment need one to open their tunnels.
            let isOld = now > oldest.since && now - oldest.since > limits.patience.nanoseconds
            guard isOld || share.idle.count > 16 * limits.connectionsWithoutTunnel else { return nil }
            share.endedConnections += 1
            return share.idle.removeFirst().end
        }
        surplus?()
    }

    /// A connection has a tunnel now, or is over.
    func leftIdle(_ key: String, _ id: ObjectIdentifier, isOver: Bool) {
        shares.withLock { shares in
            guard var share = shares[key] else { return }
            share.idle.removeAll { $0.id == id }
            if isOver { share.connections -= 1 }
            // What it has used up of its commands counts on until it would be whole again.
            shares[key] = share
            if shares.count > Self.sweepCount { Self.sweep(&shares) }
        }
    }

    /// Asks for one command.
    func mayRun(_ key: String, now: UInt64) -> Bool {
        shares.withLock { shares in
            guard var share = shares[key] else { return true }
            let elapsed = now > share.commandTime ? Double(now - share.commandTime) / 1e9 : 0
            share.commands = min(limits.commandBurst, share.commands + elapsed * limits.commandsPerSecond)
            share.commandTime = max(share.commandTime, now)
            let isPermitted = share.commands >= 1
            if isPermitted { share.commands -= 1 } else { share.refusedCommands += 1 }
            shares[key] = share
            return isPermitted
        }
    }

    /// Keys that are remembered before those without a connection are forgotten.
    private static let sweepCount = 4_096

    private static func sweep(_ shares: inout [String: Share]) {
        shares = shares.filter { $0.value.connections > 0 }
    }

    /// What every key takes now, by fingerprint.
    var status: [SSHServerKeyStatus] {
        shares.withLock { shares in
            shares.filter { $0.value.connections > 0 || $0.value.refusedCommands > 0 }.map { key, share in
                SSHServerKeyStatus(
                    keyFingerprint: key,
                    connections: share.connections,
                    connectionsWithoutTunnel: share.idle.count,
                    connectionsWithoutTunnelLimit: limits.connectionsWithoutTunnel,
                    refusedCommands: share.refusedCommands,
                    endedConnections: share.endedConnections
                )
            }
        }
    }
}

/// What one key's connections take now.
public struct SSHServerKeyStatus: Encodable, Sendable, Equatable {
    /// `SHA256:…`
    public var keyFingerprint: String
    /// Connections that are logged in.
    public var connections: Int
    /// Those of them without a tunnel.
    public var connectionsWithoutTunnel: Int
    /// How many of those the key may have.
    public var connectionsWithoutTunnelLimit: Int
    /// Commands that were not run because there were too many in a second.
    public var refusedCommands: Int
    /// Connections that were ended because the key had too many without a tunnel.
    public var endedConnections: Int
}
