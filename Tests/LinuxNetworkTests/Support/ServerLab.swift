import EventLoops
import Foundation
import Glibc
import IPPacket
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

/// A server's host with an egress interface, a host on the other end of it, and nothing else.
final class ServerLab: Sendable {
    let server: NetworkNamespace
    let internet: NetworkNamespace
    let loop: EventLoop
    let directory: TemporaryDirectory
    let options: NetworkSetupOptions

    init() async throws {
        let server = try NetworkNamespace()
        let internet = try NetworkNamespace()
        let directory = try TemporaryDirectory()
        loop = try EventLoop(name: "lab")
        let peer = internet.threadIdentifier
        options = try await server.run {
            try shell(
                """
                set -e
                ip link set lo up
                ip link add name egress type veth peer name far netns \(peer)
                ip link add name other type veth peer name farther netns \(peer)
                ip addr add 192.0.2.1/24 dev egress
                ip addr add 2001:db8:2::1/64 dev egress nodad
                ip link set egress up
                ip link set other up
                ip route add default via 192.0.2.2
                ip -6 route add default via 2001:db8:2::2
                """
            )
            return testOptions(directory)
        }
        try await internet.run {
            // The way back to the clients' own addresses is known here on purpose.
            _ = try shell(
                """
                set -e
                ip addr add 192.0.2.2/24 dev far
                ip addr add 2001:db8:2::2/64 dev far nodad
                ip link set far up
                ip link set farther up
                ip route add 10.0.0.0/8 via 192.0.2.1
                ip -6 route add fd3e:7a11::/104 via 2001:db8:2::1
                """
            )
        }
        try await Self.waitForAddresses(server, links: "egress other", "192.0.2.1 2001:db8:2::1")
        try await Self.waitForAddresses(internet, links: "far farther", "192.0.2.2 2001:db8:2::2")
        self.server = server
        self.internet = internet
        self.directory = directory
    }

    /// Links get their carrier, and IPv6 addresses come into use, in the kernel's own time.
    private static func waitForAddresses(
        _ namespace: NetworkNamespace,
        links: String,
        _ addresses: String
    ) async throws {
        try await namespace.run {
            _ = try shell(
                """
                for link in \(links); do until ip -br link show $link | grep -q ' UP '; do :; done; done
                for address in \(addresses); do until ip route get $address | grep -q ^local; do :; done; done
                """
            )
        }
    }

    func stop() { loop.stop() }

    /// For setups that may not use routing rules.
    var hostRouteOptions: NetworkSetupOptions {
        var options = options
        options.usesRules = false
        return options
    }

    /// Call it in the server's namespace.
    func openDevice(mtu: Int = 1500) throws -> TunDevice {
        try TunDevice(name: "ptun0", mtu: mtu, loops: [loop], joinsExisting: false)
    }

    /// Sends one byte as a client's datagram; false if the device does not take it.
    func send(from source: IPAddress, to destination: IPAddress, port: UInt16, on device: TunDevice) async -> Bool {
        let packet = PacketBuilder.udp(
            source: source,
            destination: destination,
            sourcePort: 5000,
            destinationPort: port,
            payload: [1]
        )
        let queue = device.lanes[0]
        return await loop.run { queue.send(packet) }
    }

    func inside(_ version: IPVersion) -> IPAddress { address(version == .v4 ? "192.0.2.1" : "2001:db8:2::1") }

    func outside(_ version: IPVersion) -> IPAddress { address(version == .v4 ? "192.0.2.2" : "2001:db8:2::2") }
}

/// All that a setup may change, as text.
func hostState() throws -> String {
    let settings = try shell(
        """
        nft list ruleset
        ip -o addr
        ip route show table all
        ip -6 route show table all
        ip rule
        ip -6 rule
        grep -r . /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding \
            /proc/sys/net/ipv6/conf/*/accept_ra /proc/sys/net/ipv6/conf/*/force_forwarding \
            /proc/sys/net/ipv4/ip_forward 2>/dev/null || true
        """
    )
    // Lifetimes count down, links come up and get link-local addresses in the kernel's own time, and it lays the local route of
    // an address, which is listed itself, a moment after that.
    return settings.split(separator: "\n")
        .filter { line in !["fe80:", "ff00::", "anycast"].contains(where: line.contains) && !line.hasPrefix("local ") }
        .map { $0.replacing(#/ expires \d+sec| linkdown/#, with: "") }
        .joined(separator: "\n")
}

/// Expects the host's state to be `before` again, and says what differs.
func expectUnchanged(since before: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let difference = try hostState().split(separator: "\n").difference(from: before.split(separator: "\n"))
    let lines = difference.map { change in
        switch change {
        case .insert(_, let line, _): "+ \(line)"
        case .remove(_, let line, _): "- \(line)"
        }
    }
    #expect(lines.isEmpty, "\(lines.joined(separator: "\n"))", sourceLocation: sourceLocation)
}
