internal import IPPacket

/// A flow of one client, in the upstream sense: what is left of the 5-tuple when the client's own address is taken as
/// given. The other end is the one that the client knows, which for transparent DNS is the transparent address.
struct FlowKey: Hashable {
    let remote: IPAddress
    let remotePort: UInt16
    let localPort: UInt16
    let transport: TransportProtocol

    init(upstream summary: PacketSummary) {
        remote = summary.destination
        remotePort = summary.destinationPort
        localPort = summary.sourcePort
        transport = summary.transport
    }

    /// - Parameter transparent: what the client knows the sender as, where that is another address.
    init(downstream summary: PacketSummary, transparent: IPAddress) {
        var seen = summary
        seen.source = transparent
        self.init(downstream: seen)
    }

    init(downstream summary: PacketSummary) {
        remote = summary.source
        // The identifier of an echo stands on the client's side, in requests and replies alike.
        let isEcho = summary.transport != .tcp && summary.transport != .udp
        remotePort = isEcho ? 0 : summary.sourcePort
        localPort = isEcho ? summary.sourcePort : summary.destinationPort
        transport = summary.transport
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(truncatingIfNeeded: remote.bits >> 64))
        hasher.combine(UInt64(truncatingIfNeeded: remote.bits))
        hasher.combine(UInt64(remotePort) << 32 | UInt64(localPort) << 16 | UInt64(transport.rawValue))
    }
}

extension PacketSummary {
    /// A number that is the same for the packets of one flow in one direction and spreads over all 32 bits. Later fragments
    /// know no ports, so the first one's do not count either: all of them have to stay in order.
    var flowHash: UInt32 {
        var mixed = UInt64(truncatingIfNeeded: source.bits) &+ UInt64(truncatingIfNeeded: destination.bits)
        mixed ^= UInt64(truncatingIfNeeded: destination.bits >> 64) &+ UInt64(truncatingIfNeeded: source.bits >> 64)
        let ports = fragment == .whole ? UInt64(sourcePort) << 40 | UInt64(destinationPort) << 24 : 0
        mixed ^= ports | UInt64(transport.rawValue) << 8
        // A product carries upwards only: without this the source port would not reach the low bits of the result.
        mixed = (mixed ^ mixed >> 32) &* 0x9e37_79b9_7f4a_7c15
        return UInt32(truncatingIfNeeded: mixed >> 32)
    }
}
