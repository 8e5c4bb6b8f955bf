import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

@Suite(
    "Connection tracking",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct ConnectionTrackingTests {
    @Test("forgets the flows of one address and no others", arguments: IPVersion.allCases)
    func forgets(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        let pool = prefix(version == .v4 ? "10.0.0.0/8" : "fd3e:7a11::/104")
        let target = try await lab.internet.run { try DatagramSocket(bound: lab.outside(version), port: 7) }
        try await lab.server.run {
            let network = ServerNetwork(pool: prefix("10.0.0.0/8"), pool6: prefix("fd3e:7a11::/104"))
            let device = try lab.openDevice()
            let setup = try await InterfaceSetup.server(network, device: device, options: lab.options)
            let leaving = IPAddress(bits: pool.network.bits | 0x10203)
            let staying = IPAddress(bits: pool.network.bits | 0x10204)
            // Another source port is another flow.
            for (source, port) in [(leaving, 1000), (leaving, 2000), (staying, 1000)] {
                let packet = PacketBuilder.udp(
                    source: source,
                    destination: lab.outside(version),
                    sourcePort: UInt16(port),
                    destinationPort: 7,
                    payload: [1]
                )
                #expect(await lab.loop.run { device.lanes[0].send(packet) })
                #expect(try target.receive() == [1])
            }
            #expect(try ConnectionTracking.forget([IPPrefix(only: leaving)]) == 2)
            #expect(try ConnectionTracking.forget([IPPrefix(only: leaving)]) == 0)
            #expect(try ConnectionTracking.forget([IPPrefix(only: leaving), IPPrefix(only: staying)]) == 1)
            _ = await lab.send(from: staying, to: lab.outside(version), port: 7, on: device)
            #expect(try target.receive() == [1])
            let others = prefix(version == .v4 ? "100.64.0.0/10" : "fd3e:7a12::/104")
            #expect(try ConnectionTracking.forget([others]) == 0)
            #expect(try ConnectionTracking.forget([others, pool]) == 1, "a whole pool, as at start")
            await setup.undo()
            await device.close()
        }
    }

    @Test("keeps each holder's share, and deletes first what would be over soonest", arguments: IPVersion.allCases)
    func shares(version: IPVersion) async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        let pool = prefix(version == .v4 ? "10.0.0.0/8" : "fd3e:7a11::/104")
        try await lab.server.run {
            let network = ServerNetwork(pool: prefix("10.0.0.0/8"), pool6: prefix("fd3e:7a11::/104"))
            let device = try lab.openDevice()
            let setup = try await InterfaceSetup.server(network, device: device, options: lab.options)
            let greedy = [0x10203, 0x10204].map { IPAddress(bits: pool.network.bits | $0) }
            let modest = IPAddress(bits: pool.network.bits | 0x10205)
            var holders = [modest: "modest"]
            for address in greedy { holders[address] = "greedy" }
            for (source, port) in greedy.flatMap({ source in (1...30).map { (source, $0) } }) + [(modest, 1)] {
                let packet = PacketBuilder.udp(
                    source: source,
                    destination: lab.outside(version),
                    sourcePort: UInt16(1_000 + port),
                    destinationPort: 7,
                    payload: [1]
                )
                #expect(await lab.loop.run { device.lanes[0].send(packet) })
            }
            // A connection that waits for its answer has 120 s, a datagram without one 30.
            let silent = address(version == .v4 ? "192.0.2.99" : "2001:db8:2::99")
            let opening = PacketBuilder.tcp(source: greedy[0], destination: silent, flags: TCPFlags.syn)
            #expect(await lab.loop.run { device.lanes[0].send(opening) })
            #expect(try #require(ConnectionTracking.count) >= 62)
            let before = try ConnectionTracking.shares(of: holders, below: .max)
            #expect(before["greedy"] == .init(entries: 61) && before["modest"] == .init(entries: 1))
            let cut = try ConnectionTracking.shares(of: holders, below: 10)
            #expect(cut["greedy"] == .init(entries: 61, deleted: 51) && cut["modest"] == .init(entries: 1))
            let last = try ConnectionTracking.shares(of: holders, below: 1)
            #expect(last["greedy"] == .init(entries: 10, deleted: 9) && last["modest"] == .init(entries: 1))
            #expect(try ConnectionTracking.forget([IPPrefix(only: silent)]) == 1, "the connection goes last")
            await setup.undo()
            await device.close()
        }
    }
}
