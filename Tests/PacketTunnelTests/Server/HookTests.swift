import IPPacket
import Logging
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import PacketTunnel

@Suite("The hooks of an embedder")
struct HookTests {
    @Test("every one of them may ask the server: none is called under a lock", arguments: IPVersion.allCases)
    func askTheServer(_ version: IPVersion) async throws {
        let asked = Asked()
        let harness = try ServerHarness {
            $0.policy.permittedICMP = .echo
            $0.sessionExpiry = .seconds(10)
            $0.dnsResolvers = {
                asked.note("dnsResolvers")
                return Sample.resolvers
            }
            $0.forgetConnections = { _ in asked.note("forgetConnections") }
        }
        asked.server = harness.server
        let connection = try harness.connect(hooks: asked.hooks)
        harness.runAll()
        let address = try harness.address(version)
        connection.send(
            Sample.upstreamUDP(version),
            PacketBuilder.tcp(source: Sample.local(version), destination: Sample.remote(version)),
            PacketBuilder.icmpEcho(source: Sample.local(version), destination: Sample.remote(version)),
            Sample.upstreamUDP(version, destinationPort: 53, payload: Sample.query("a.example"))
        )
        harness.device.inject(Sample.downstreamUDP(to: address))
        harness.loop.advance(by: .seconds(2))
        connection.transport.finish()
        harness.loop.advance(by: .seconds(60))
        while !asked.names.contains("forgetConnections") { await Task.yield() }
        let all: Set = [
            "dnsResolvers", "forgetConnections", "allowsTCPPort", "allowsUDPPort", "allowsEcho", "allowsDomain",
            "makeFlowActivityUpdaters", "updateProgress", "updateMetrics", "reportDNSQuality",
        ]
        #expect(asked.names == all)
    }

    @Test("a client that is connected again by the hook that hears of its end has its session", arguments: [1, 2])
    func connectAtTheEnd(_ loopCount: Int) throws {
        let harness = try ServerHarness(loops: loopCount)
        let transport = MemoryTransport(on: harness.loop)
        var hooks = ClientHooks()
        hooks.updateMetrics = { _ in
            #expect(throws: Never.self) {
                try harness.server.clientConnected(Sample.alice, transport: transport, framing: .psiphon)
            }
        }
        let first = try harness.connect(hooks: hooks)
        harness.runAll()
        first.transport.finish()
        harness.runAll()
        transport.deliver(MemoryFrames.frame(Sample.upstreamUDP(.v4), as: .psiphon))
        #expect(harness.device.takeWritten().count == 1)
        #expect(harness.server.sessionCount == (1, 1))
    }
}

/// Hooks that ask their server, and what has been called.
private final class Asked: FlowActivityUpdater, @unchecked Sendable {
    var server: PacketTunnelServer?
    private let called = Mutex<Set<String>>([])

    var names: Set<String> { called.withLock { $0 } }

    func note(_ name: String) {
        guard let server else { return }
        _ = (server.sessionCount, server.addressPool.capacity)
        server.setEgressMTU(ipv4: nil, ipv6: nil)
        called.withLock { _ = $0.insert(name) }
    }

    func updateProgress(downstreamBytes: Int, upstreamBytes: Int, nanoseconds: UInt64) { note("updateProgress") }

    private func allow(_ name: String) -> Bool {
        note(name)
        return true
    }

    var hooks: ClientHooks {
        var hooks = ClientHooks()
        hooks.allowsTCPPort = { _, _ in self.allow("allowsTCPPort") }
        hooks.allowsUDPPort = { _, _ in self.allow("allowsUDPPort") }
        hooks.allowsEcho = { _ in self.allow("allowsEcho") }
        hooks.allowsDomain = { _ in self.allow("allowsDomain") }
        hooks.makeFlowActivityUpdaters = { _, _ in
            self.note("makeFlowActivityUpdaters")
            return [self]
        }
        hooks.updateMetrics = { _ in self.note("updateMetrics") }
        hooks.reportDNSQuality = { _, _, _ in self.note("reportDNSQuality") }
        return hooks
    }
}
