import IPPacket
import PacketTunnel

/// One kind of traffic through a server or a client in memory, in the steady state of one flow.
struct Scenario {
    var name: String
    /// Packets that one call of `run` carries.
    var packetsPerRun: Int
    /// Bytes of these packets.
    var bytesPerRun: Int
    var run: () -> Void

    func run(packets: Int) {
        var left = packets
        while left > 0 {
            run()
            left -= packetsPerRun
        }
    }
}

/// What travels.
enum Traffic: CaseIterable {
    case datagram
    case segments
    case superPacket
    case refused
    /// What a rule forbids, and its sender is told about.
    case prohibited
    /// The three fragments of a datagram.
    case fragments
    /// As `datagram`, but frames arrive in pieces, and packets wait before they are sent.
    case halting

    var name: String {
        switch self {
        case .datagram: "UDP, 128 bytes"
        case .segments: "TCP, 1500 bytes"
        case .superPacket: "TCP, 64 KiB super-packet"
        case .refused: "refused"
        case .prohibited: "prohibited"
        case .fragments: "UDP, 4000 bytes in fragments"
        case .halting: "UDP, 128 bytes, halting"
        }
    }
}

/// The two ends that are measured.
enum Side: CaseIterable {
    case server
    case client
}

extension Scenario {
    /// Every scenario that a peer with this framing can bring about.
    static func all() throws -> [(path: Path, scenario: Scenario)] {
        var result: [(Path, Scenario)] = []
        for side in Side.allCases {
            for framing in ChannelFraming.allCases {
                for version in IPVersion.allCases {
                    let path = try Path(side: side, framing: framing, version: version)
                    if side == .server { result.append((path, path.exchange())) }
                    for traffic in Traffic.allCases {
                        let isExplained = traffic == .prohibited && side == .client
                        if !isExplained, traffic != .superPacket || framing == .gso {
                            result.append((path, path.towardsDevice(traffic)))
                        }
                        // Only this host's own packets are explained by a client, only a client's by a server.
                        if traffic != .prohibited || side == .client {
                            result.append((path, path.towardsTransport(traffic)))
                        }
                    }
                }
            }
        }
        return result
    }
}
