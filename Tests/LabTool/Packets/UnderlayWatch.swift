internal import IPPacket

/// What may leave a host beside its tunnel.
struct UnderlayWatch {
    let peers: Set<Endpoint>
    let names: Set<String>

    private static let arp: UInt16 = 0x0806, ipv4: UInt16 = 0x0800, ipv6: UInt16 = 0x86dd
    /// Router and neighbour solicitation, neighbour advertisement (RFC 4861 §4), MLD version 2 report (RFC 3810 §5.2).
    private static let neighbourDiscovery: Set<UInt8> = [133, 135, 136, 143]
    /// Client and server ports of DHCP and DHCPv6.
    private static let dhcp: Set<[UInt16]> = [[68, 67], [546, 547]]

    /// The line for a packet; nil if it may leave.
    func complaint(about packet: DeviceSocket.Packet) -> String? {
        if packet.frameType == Self.arp || isMulticastReport(packet) { return nil }
        guard packet.frameType == Self.ipv4 || packet.frameType == Self.ipv6 else {
            return "frame of type 0x" + String(packet.frameType, radix: 16)
        }
        let family = packet.frameType == Self.ipv4 ? "IPv4" : "IPv6"
        let summary: PacketSummary
        do throws(RejectReason) {
            summary = try PacketSummary(validating: packet.bytes.span.bytes)
        } catch {
            return "\(family) \(error): " + Hexadecimal.text(packet.bytes.prefix(60))
        }
        return complaint(about: summary, bytes: packet.bytes).map { "\(family) \($0)" }
    }

    private func complaint(about summary: PacketSummary, bytes: [UInt8]) -> String? {
        let place = Endpoint(summary.destination, port: summary.destinationPort)
        switch summary.transport {
        case .icmpv6 where Self.neighbourDiscovery.contains(summary.icmpType): return nil
        case .icmp, .icmpv6: return "ICMP type \(summary.icmpType) to \(summary.destination)"
        case .tcp: return peers.contains(place) ? nil : "TCP to \(place)"
        case .udp where Self.dhcp.contains([summary.sourcePort, summary.destinationPort]): return nil
        case .udp where place.port == 53:
            let query = Array(bytes[summary.headerLength...])
            let name = (try? DNSQuestion(parsing: query.span.bytes))?.name.lowercased() ?? "what is no query"
            return names.contains(name) ? nil : "DNS to \(summary.destination) for \(name)"
        case .udp: return "UDP to \(place)"
        }
    }

    /// True for MLD: ICMPv6 behind a hop-by-hop header with the router alert (RFC 3810 §5).
    private func isMulticastReport(_ packet: DeviceSocket.Packet) -> Bool {
        let bytes = packet.bytes
        guard packet.frameType == Self.ipv6, bytes.count > 48, bytes[6] == 0, bytes[40] == 58 else { return false }
        let message = 40 + (Int(bytes[41]) + 1) * 8
        return message < bytes.count && Self.neighbourDiscovery.contains(bytes[message])
    }
}
