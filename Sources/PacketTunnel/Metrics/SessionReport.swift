internal import IPPacket
internal import Logging

/// A session's counters as the metadata of a log line, with names as in the seed. Counters of 0 are left out.
enum SessionReport {
    static func metadata(_ session: Session, reason: String) -> Logger.Metadata {
        var metadata = identification(session)
        metadata["reason"] = "\(reason)"
        return metadata.merging(Self.metadata(session.counters)) { $1 }
    }

    static func metadata(_ counters: PacketCounters) -> Logger.Metadata {
        Dictionary(uniqueKeysWithValues: Self.counters(counters).map { ($0.name, "\($0.value)") })
    }

    static func identification(_ session: Session) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "user": "\(session.identity.user)",
            "key": "\(session.identity.keyFingerprint)",
            "assigned_ipv4": "\(session.ipv4)",
            "assigned_ipv6": "\(session.ipv6)",
        ]
        if !session.identity.name.isEmpty { metadata["session"] = "\(session.identity.name)" }
        return metadata
    }

    /// Every counter that is not 0, by its name.
    static func counters(_ counters: PacketCounters) -> [(name: String, value: Int64)] {
        var result: [(name: String, value: Int64)] = []
        for direction in PacketDirection.allCases {
            let way = direction == .upstream ? "up" : "down"
            for version in IPVersion.allCases {
                for (transport, name) in [(TransportProtocol.tcp, "tcp"), (.udp, "udp"), (.icmp, "icmp")] {
                    let carried = counters.carried(direction, version, transport)
                    let prefix = "ipv\(version.rawValue)_\(name)_\(way)"
                    result.append(("\(prefix)_packets", carried.packets))
                    result.append(("\(prefix)_bytes", carried.bytes))
                    result.append(("\(prefix)_application_bytes", carried.applicationBytes))
                }
            }
            for reason in RejectReason.allCases {
                result.append(("reject_\(way)_\(reason)", counters.refused(direction, reason)))
            }
        }
        result.append(("flows_evicted", counters.evictedFlows))
        return result.filter { $0.value != 0 }
    }
}
