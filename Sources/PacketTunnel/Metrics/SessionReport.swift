internal import IPPacket
internal import Logging

/// Counters by the names of the original packet tunnel, as logs and the status show them. Counters of 0 are left out.
///
/// The article Metrics lists them all.
enum SessionReport {
    /// What a session has counted since its last checkpoint; logged when a client disconnects, every
    /// `TunnelDefaults.orphanMetricsPeriod` while it stays, and when a session ends that has counted more since.
    static let sessionEvent = "server_packet_metrics"
    /// Refused packets that belong to no session; logged every `TunnelDefaults.orphanMetricsPeriod` and at the server's end.
    static let orphanEvent = "server_orphan_packet_metrics"
    /// What a client has counted; logged when it stops.
    static let clientEvent = "packet_metrics"

    static func metadata(_ counters: PacketCounters) -> Logger.Metadata {
        Dictionary(uniqueKeysWithValues: Self.counters(counters).map { ($0.name, "\($0.value)") })
    }

    /// Logs a checkpoint of a session.
    static func log(_ counters: PacketCounters, of session: Session, to logger: Logger) {
        logger.info("\(sessionEvent)", metadata: identification(session).merging(metadata(counters)) { $1 })
    }

    /// The fields of every event of a session: whose it is, and where its client is or was.
    ///
    /// - Parameter address: of a client that has the session not yet.
    static func identification(_ session: Session, address: String? = nil, reason: String? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "user": "\(session.identity.user)",
            "key": "\(session.identity.keyFingerprint)",
            "assigned_ipv4": "\(session.ipv4)",
            "assigned_ipv6": "\(session.ipv6)",
            "session": "\(session.identity.name)",
        ]
        if let address = address ?? session.peerAddress { metadata["address"] = "\(address)" }
        if let reason { metadata["reason"] = "\(reason)" }
        return metadata
    }

    /// Every counter that is not 0, by its name.
    static func counters(_ counters: PacketCounters) -> [(name: String, value: Int64)] {
        var result: [(name: String, value: Int64)] = []
        for direction in PacketDirection.allCases {
            for version in IPVersion.allCases {
                for (transport, name) in [(TransportProtocol.tcp, "tcp"), (.udp, "udp"), (.icmp, "icmp")] {
                    let carried = counters.carried(direction, version, transport)
                    let (prefix, way) = ("\(name)_ipv\(version.rawValue)", direction == .upstream ? "up" : "down")
                    result.append(("\(prefix)_packets_\(way)", carried.packets))
                    result.append(("\(prefix)_bytes_\(way)", carried.bytes))
                    result.append(("\(prefix)_application_bytes_\(way)", carried.applicationBytes))
                }
            }
            for reason in RejectReason.allCases {
                result.append(("\(direction)_packet_rejected_\(reason)", counters.refused(direction, reason)))
            }
        }
        result.append(("flows_evicted", counters.evictedFlows))
        return result.filter { $0.value != 0 }
    }
}
