import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Metrics under the names of the original")
struct MetricsTests {
    @Test(
        "a session's checkpoint has packets, bytes and application bytes of both directions",
        arguments: IPVersion.allCases
    )
    func session(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        let up = Sample.upstreamUDP(version)
        let down = Sample.downstreamUDP(to: try harness.address(version))
        connection.send(up, up)
        harness.device.inject(down)
        connection.send(Sample.upstreamUDP(version, destinationPort: 0))
        connection.transport.finish()
        let line = try #require(harness.log.lines("server_packet_metrics").first)
        #expect(line["user"] == "alice" && line["key"] == "SHA256:aaaa")
        let prefix = version == .v4 ? "udp_ipv4" : "udp_ipv6"
        let expected = [
            "packets_up": 2, "bytes_up": 2 * up.count, "application_bytes_up": 8,
            "packets_down": 1, "bytes_down": down.count, "application_bytes_down": 5,
        ]
        for (name, value) in expected { #expect(line["\(prefix)_\(name)"] == "\(value)", "\(name)") }
        #expect(line["upstream_packet_rejected_disallowed_udp_destination_port"] == "1")
        #expect(line.count { Int($0.value) != nil } == expected.count + 1, "counters of 0 are left out")
    }

    @Test("each checkpoint begins at 0 again, and the status goes on counting")
    func reset() async throws {
        let harness = try ServerHarness()
        for _ in 0..<3 {
            let connection = try harness.connect()
            harness.runAll()
            connection.send(Sample.upstreamUDP(.v4))
            connection.transport.finish()
        }
        #expect(harness.log.lines("server_packet_metrics").map { $0["udp_ipv4_packets_up"] } == ["1", "1", "1"])
        let status = await ManualLoop.drive(harness.loops) { [server = harness.server] in await server.status() }
        #expect(status.first?.counters["udp_ipv4_packets_up"] == 3)
    }

    @Test("what is refused while nobody is connected stands in the last checkpoint of the session")
    func whileIdle() async throws {
        let harness = try ServerHarness { $0.sessionExpiry = .seconds(10) }
        let connection = try harness.connect()
        harness.runAll()
        connection.send(Sample.upstreamUDP(.v4))
        connection.transport.finish()
        let packet = Sample.downstreamUDP(to: try harness.address(.v4), payload: patternBytes(1_400))
        for _ in 0..<200 { harness.device.inject(packet) }
        harness.loop.advance(by: .seconds(30))
        while harness.log.lines("session ended").isEmpty { await Task.yield() }
        let lines = harness.log.lines("server_packet_metrics")
        #expect(lines.count == 2)
        let refused = try #require(lines.last?["downstream_packet_rejected_no_client"].flatMap { Int($0) })
        #expect(refused > 0 && refused < 200)
        #expect(lines.last?["udp_ipv4_packets_up"] == nil)
    }

    @Test("packets of no session are reported every half hour and at the end, each once")
    func orphans() async throws {
        let harness = try ServerHarness(loops: 2)
        let stranger = Sample.downstreamUDP(to: harness.server.addressPool.ipv4Address(77))
        for device in harness.devices { device.inject(stranger) }
        harness.loop.advance(by: .seconds(30 * 60))
        while harness.log.lines("server_orphan_packet_metrics").isEmpty {
            harness.runAll()
            await Task.yield()
        }
        harness.devices[1].inject(stranger)
        await harness.stop()
        let name = "downstream_packet_rejected_no_session"
        #expect(harness.log.lines("server_orphan_packet_metrics").map { $0[name] } == ["2", "1"])
    }

    @Test("a client reports what it has counted when it stops", arguments: IPVersion.allCases)
    func client(_ version: IPVersion) throws {
        let log = RecordedLog()
        let loop = ManualLoop()
        let device = MemoryDevice(on: loop)
        let client = try PacketTunnelClient(
            configuration: ClientConfiguration(),
            loop: loop,
            device: device,
            logger: log.logger
        )
        loop.perform {
            client.start()
            client.connect(MemoryTransport(on: loop), framing: .psiphon) { _ in }
        }
        device.inject(Sample.upstreamUDP(version))
        loop.run()
        loop.perform { client.stop() }
        let line = try #require(log.lines("packet_metrics").first)
        #expect(line["udp_ipv\(version.rawValue)_packets_up"] == "1")
        #expect(line["udp_ipv\(version.rawValue)_application_bytes_up"] == "4")
    }

    @Test("the documentation's tables have every counter")
    func documented() throws {
        let text = try Repository.text("Sources/PacketTunnel/PacketTunnel.docc/Metrics.md")
        for name in ["tcp", "udp", "icmp"] { #expect(text.contains("| `\(name)_ipv4_packets_up`")) }
        for reason in RejectReason.allCases { #expect(text.contains("| `\(reason)` |"), "\(reason)") }
        for event in [SessionReport.sessionEvent, SessionReport.orphanEvent, SessionReport.clientEvent] {
            #expect(text.contains("| `\(event)` |"))
        }
    }
}
