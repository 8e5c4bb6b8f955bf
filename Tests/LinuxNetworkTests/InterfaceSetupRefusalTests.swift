import EventLoops
import Foundation
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import LinuxNetwork

@Suite(
    "Refusals of the interface setup",
    .enabled(if: NetworkNamespace.isAvailable, Comment(rawValue: NetworkNamespace.requirement)),
    .timeLimit(.minutes(5))
)
struct InterfaceSetupRefusalTests {
    private static let network = InterfaceSetupTests.network

    @Test("refuses an address pool that clashes with a route of the host, and names both")
    func refusesClash() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            try shell("ip route add 10.20.0.0/16 dev egress; ip route add fd3e:7a11::7:0/120 dev egress")
            let device = try lab.openDevice()
            let before = try hostState()
            let error = await failure {
                _ = try await InterfaceSetup.server(Self.network, device: device, options: lab.options)
            }
            #expect(error?.kind == .poolClash)
            #expect(error?.reason == "AddressPool 10.0.0.0/8 clashes with the host's route 10.20.0.0/16 dev egress")
            var network = Self.network
            network.pool = prefix("172.20.0.0/16")
            let error6 = await failure {
                _ = try await InterfaceSetup.server(network, device: device, options: lab.options)
            }
            #expect(error6?.reason.contains("fd3e:7a11::7:0/120 dev egress") == true)
            try expectUnchanged(since: before)
            await device.close()
        }
    }

    @Test("asks for the egress interface when no default route says it")
    func asksForEgress() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            try shell("ip route del default; ip -6 route del default")
            let error = #expect(throws: NetworkSetupError.self) { try Self.network.egressInterfaces() }
            #expect(error?.kind == .noEgress && error?.advice.contains("EgressInterface") == true)
            var network = Self.network
            network.egressInterface = "nowhere"
            #expect(throws: NetworkSetupError.self) { try network.egressInterfaces() }
            network.egressInterface = "egress"
            #expect(try network.egressInterfaces() == ("egress", "egress"))
            try shell("ip -6 route add default via 2001:db8:2::2")
            #expect(try Self.network.egressInterfaces() == ("egress", "egress"))
        }
    }

    @Test("says which package has the command that is missing, and leaves nothing behind")
    func reportsMissingCommand() async throws {
        let lab = try await ServerLab()
        defer { lab.stop() }
        try await lab.server.run {
            let device = try lab.openDevice()
            let before = try hostState()
            let error = await failure {
                try await lab.options.runner.run(["no-such-command-here"])
            }
            #expect(error?.kind == .commandMissing)
            let setup = try InterfaceSetup(device: device, options: lab.options)
            let failure = await failure {
                try await setup.make(.makeTable(name: "x", rules: "nonsense"))
            }
            #expect(failure?.kind == .commandFailed && failure?.advice.contains("syntax error") == true)
            await setup.undo()
            try expectUnchanged(since: before)
            await device.close()
        }
    }
}
