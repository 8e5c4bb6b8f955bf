internal import Logging

/// What is counted for a server as a whole, beside its sessions.
public struct ServerStatus: Codable, Equatable, Sendable {
    /// Sessions that exist.
    public var sessions: Int
    /// Sessions that a client uses now.
    public var connectedSessions: Int
    /// Packets that the device gave to the server's loops; a super-packet is one.
    public var packetsRead = 0
    /// Packets among `packetsRead` that arrived on another loop than their client's.
    public var packetsForwarded = 0
    /// `packetsForwarded` in `packetsRead`, from 0 to 1.
    public var forwardedShare = 0.0
    /// Packets from the device that belonged to no client, by reason; those that are not 0.
    public var strays: [String: Int64] = [:]
    /// How often a client asked for a session that belongs to another user or key.
    public var foreignSessionNames: Int

    init(_ sessions: SessionTable) {
        (self.sessions, connectedSessions) = sessions.count
        foreignSessionNames = sessions.foreignNameCount
    }

    /// Adds what one of the server's loops has counted.
    mutating func add(_ figures: ServerWorker.Figures) {
        packetsRead += figures.readCount
        packetsForwarded += figures.forwardedCount
        if packetsRead > 0 { forwardedShare = Double(packetsForwarded) / Double(packetsRead) }
        for counter in SessionReport.counters(figures.strays) { strays[counter.name, default: 0] += counter.value }
    }

    /// The figures as the metadata of a log line, those that are not 0.
    var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = ["sessions": "\(sessions)", "connected": "\(connectedSessions)"]
        let counts = ["read": packetsRead, "forwarded": packetsForwarded, "foreign_names": foreignSessionNames]
        for (name, count) in counts where count != 0 { metadata[name] = "\(count)" }
        return metadata
    }
}

extension PacketTunnelServer {
    /// The figures of the server as they are now.
    public func serverStatus() async -> ServerStatus {
        var status = ServerStatus(sessions)
        for worker in workers {
            let figures = await withCheckedContinuation { continuation in
                worker.loop.execute { continuation.resume(returning: worker.figures) }
            }
            status.add(figures)
        }
        return status
    }
}
