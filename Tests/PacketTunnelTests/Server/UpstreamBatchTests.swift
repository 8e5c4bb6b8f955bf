import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Packets that come in one turn of a loop")
struct UpstreamBatchTests {
    @Test("what the device does not take counts for the client that sent it, whoever else sends in the same turn")
    func dropsOfTwoClients() throws {
        let harness = try ServerHarness()
        let alice = try harness.connect(framing: .openSSH)
        let bob = try harness.connect(Sample.bob, framing: .openSSH)
        harness.runAll()
        harness.loop.perform {
            harness.device.capacity = 0
            for _ in 0..<3 { alice.send(Sample.upstreamUDP(.v4, payload: patternBytes(1_000))) }
            bob.send(Sample.upstreamUDP(.v4))
            harness.device.capacity = .max
        }
        #expect(harness.counters(alice.identity).refused(.upstream, .queueFull) == 3)
        #expect(harness.counters(bob.identity).refused(.upstream, .queueFull) == 0)
        #expect(harness.device.takeWritten().count == 1)
    }

    @Test("an answer to one client is sent although another client's packets have ended its batch")
    func answersOfTwoClients() throws {
        let harness = try ServerHarness { $0.policy.refusals = .reject }
        let alice = try harness.connect(framing: .openSSH)
        let bob = try harness.connect(Sample.bob, framing: .openSSH)
        harness.runAll()
        harness.loop.perform {
            alice.send(Sample.upstreamUDP(.v4, destination: Sample.local(.v4)))
            bob.send(Sample.upstreamUDP(.v4))
            #expect(alice.transport.writtenCount == 0, "not while another session is being read")
        }
        #expect(try alice.received().count == 1)
    }
}
