import Testing
import IPPacket
import PacketTunnelTestKit

@testable import PacketTunnel

/// The two sets of rules that the truth tables hold under.
enum RuleSet: CaseIterable, Sendable {
    /// As in the seed: TCP and UDP only, no word about what is refused.
    case seed
    /// As the daemon has them by default.
    case daemon

    var policy: TrafficPolicy {
        var policy = TrafficPolicy()
        guard self == .daemon else { return policy }
        policy.permittedICMP = .errors
        policy.refusals = .reject
        policy.fragments = .carry
        return policy
    }
}

/// A packet that has to be refused, and what it takes to have it refused.
struct RefusedPacket: CustomTestStringConvertible, Sendable {
    let reason: RejectReason
    /// The reason where fragments are carried, if it is another one.
    var reasonWhenCarried: RejectReason?
    let title: String
    var packet: [UInt8]
    var offload = PacketOffload.none
    /// Sent before, and accepted.
    var prelude: [[UInt8]] = []
    var hooks = ClientHooks()
    var configure: @Sendable (inout ServerConfiguration) -> Void = { _ in }

    var testDescription: String { "\(reason): \(title)" }

    init(_ reason: RejectReason, _ title: String, _ packet: [UInt8]) {
        self.reason = reason
        self.title = title
        self.packet = packet
    }

    func reason(_ rules: RuleSet) -> RejectReason { rules == .daemon ? reasonWhenCarried ?? reason : reason }

    func with(_ change: (inout RefusedPacket) -> Void) -> RefusedPacket {
        var copy = self
        change(&copy)
        return copy
    }
}

extension RefusedPacket {
    /// Packets whose headers contradict themselves: refused in either direction. `make` makes a good UDP packet,
    /// `makeTCP` a good TCP packet of the direction.
    static func malformed(
        _ version: IPVersion,
        udp: [UInt8],
        tcp: [UInt8],
        other: [UInt8]
    ) -> [RefusedPacket] {
        let header = version == .v4 ? 20 : 40
        let name = version == .v4 ? "IPv4" : "IPv6"
        var cases = [
            RefusedPacket(.invalidIPPacketLength, "\(name), a byte short", Array(udp.dropLast())),
            RefusedPacket(.invalidIPPacketLength, "\(name), a byte long", udp + [0]),
            RefusedPacket(.invalidIPHeaderVersion, "\(name), version 7", [0x75] + udp.dropFirst()),
            RefusedPacket(.invalidIPHeaderProtocol, "\(name), GRE", replacing(other, version == .v4 ? 9 : 6, 47)),
            RefusedPacket(.invalidIPHeaderProtocol, "\(name), echo", other),
            RefusedPacket(.invalidTCPPacketLength, "\(name), data offset 4", replacing(tcp, header + 12, 0x40)),
            RefusedPacket(.invalidTCPPacketLength, "\(name), data offset beyond", replacing(tcp, header + 12, 0xf0)),
            RefusedPacket(.invalidUDPPacketLength, "\(name), UDP length", replacing(udp, header + 5, 7)),
        ]
        if version == .v4 {
            cases += [
                RefusedPacket(.invalidIPHeaderOptions, "IPv4, header of 24 bytes", replacing(udp, 0, 0x46)),
                RefusedPacket(.fragment, "IPv4, more fragments", replacing(udp, 6, 0x20))
                    .with { $0.reasonWhenCarried = .invalidIPPacketLength },
                RefusedPacket(.fragment, "IPv4, later fragment", replacing(udp, 7, 1))
                    .with { $0.reasonWhenCarried = .fragmentWithoutFirst },
            ]
        } else {
            cases += [
                RefusedPacket(.invalidIPHeaderOptions, "IPv6, hop-by-hop options", replacing(udp, 6, 0)),
                RefusedPacket(.fragment, "IPv6, fragment header", replacing(replacing(udp, 6, 44), 40, 59))
                    .with { $0.reasonWhenCarried = .invalidIPHeaderProtocol },
                RefusedPacket(
                    .invalidUDPPacketLength,
                    "IPv6, UDP without checksum",
                    replacing(replacing(udp, 46, 0), 47, 0)
                ),
            ]
        }
        return cases
    }

    static func replacing(_ packet: [UInt8], _ offset: Int, _ value: UInt8) -> [UInt8] {
        var copy = packet
        copy[offset] = value
        return copy
    }
}
