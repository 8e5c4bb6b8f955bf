import EventLoops
import Glibc
import IPPacket
import Logging
import OpenSSHSyntax
import PacketTunnel
import Synchronization
import Testing

@testable import SSHTransport

@Suite("SSH client opening tunnels")
struct SSHClientTunnelTests {
    @Test("Asks for one type after the other until one is accepted, and sends session name and payload")
    func fallback() throws {
        let host = try TunnelHost(refusals: [
            "tun-gso@packet-tunnel.internal": .unknownChannelType, "tun@psiphon.ca": .administrativelyProhibited,
            "other@example": .connectFailed,
        ])
        let other = SSHTunnelOffer(type: "other@example", payload: [], options: .init(), sendsSessionName: true)
        let end = try host.open([.init(.gso), .init(.psiphon), other, .init(.openSSH, unit: 7)], name: "0123")
        #expect(end.tunnel.type == "tun@openssh.com")
        #expect(
            host.seen.types == ["tun-gso@packet-tunnel.internal", "tun@psiphon.ca", "other@example", "tun@openssh.com"]
        )
        #expect(host.seen.payloads.last == [0, 0, 0, 1, 0, 0, 0, 7])
        end.tunnel.close()
        #expect(end.waitForEnd() == "closed")
        #expect(host.seen.environment.isEmpty)
    }

    @Test(
        "Names the session before the first byte, and carries bytes both ways",
        arguments: [ChannelFraming.gso, .psiphon]
    )
    func echo(framing: ChannelFraming) throws {
        let host = try TunnelHost()
        let end = try host.open([.init(framing)], name: "00112233445566778899aabbccddeeff", greeting: [1, 2, 3])
        #expect(end.waitForBytes(3) == [1, 2, 3])
        #expect(host.seen.environment == ["PACKET_TUNNEL_SESSION=00112233445566778899aabbccddeeff"])
        end.tunnel.close()
        #expect(end.waitForEnd() == "closed")
        #expect(end.closeReason == "closed")
    }

    @Test("Hears what the server says before the client has seen its confirmation")
    func earlyData() throws {
        let host = try TunnelHost()
        let words = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        host.speakFirst(words)
        let end = try host.open([.init(.gso)], greeting: [5])
        #expect(end.waitForBytes(words.count + 1) == words + [5])
        end.tunnel.close()
        _ = end.waitForEnd()
    }

    @Test("Works after commands on the same connection")
    func execFirst() throws {
        let host = try TunnelHost()
        let client = try host.connect()
        let info = try client.exec("info")
        #expect(String(decoding: info.output, as: UTF8.self) == "{}")
        #expect(info.status == 0)
        let refused = #expect(throws: SSHClientError.self) { try client.exec("reboot") }
        #expect(refused?.kind == .permission)
        let end = try host.open([.init(.gso)], greeting: [9], on: client)
        #expect(end.waitForBytes(1) == [9])
        end.tunnel.close()
        _ = end.waitForEnd()
    }

    @Test(
        "When all types are refused, the kind of the error follows the server's reason",
        arguments: [
            (.administrativelyProhibited, .permission, 2), (.unknownChannelType, .protocolViolation, 2),
            (.connectFailed, .protocolViolation, 2), (.resourceShortage, .temporary, 1),
        ] as [(ChannelOpenFailure, SSHClientError.Kind, Int)]
    )
    func allRefused(failure: ChannelOpenFailure, kind: SSHClientError.Kind, asked: Int) throws {
        let host = try TunnelHost(refusals: ["tun-gso@packet-tunnel.internal": failure, "tun@psiphon.ca": failure])
        let error = #expect(throws: SSHClientError.self) { try host.open([.init(.gso), .init(.psiphon)]) }
        #expect(error?.kind == kind)
        #expect(error?.reason.contains("tun-gso@packet-tunnel.internal: not today") == true)
        #expect(host.seen.types.count == asked)
    }

    @Test("A server that does not answer the request ends at the time limit")
    func noAnswer() throws {
        let host = try TunnelHost()
        host.holdOpens()
        defer { host.release.signal() }
        let error = #expect(throws: SSHClientError.self) { try host.open([.init(.gso)], timeout: 1) }
        #expect(error?.kind == .temporary)
        #expect(error?.reason == "the server does not answer the request for a tunnel")
    }

    @Test("A server that falls silent is noticed by its missing signs of life")
    func silentServer() throws {
        let host = try TunnelHost()
        let end = try host.open([.init(.gso)], options: ["ServerAliveInterval=1", "ServerAliveCountMax=1"])
        host.hold()
        defer { host.release.signal() }
        #expect(end.waitForEnd() == "the server has not answered for 2s")
        #expect(end.closeReason == "the server has not answered for 2s")
    }

    @Test("A connection that the server ends, ends the tunnel, with the server's reason")
    func serverStops() throws {
        let host = try TunnelHost()
        let end = try host.open([.init(.gso)], greeting: [1])
        #expect(end.waitForBytes(1) == [1])
        host.server.stop(reason: "maintenance")
        #expect(end.waitForEnd().contains("maintenance"))
        #expect(end.closeReason?.contains("maintenance") == true)
    }

    @Test("A channel that the server closes takes its connection with it")
    func serverClosesChannel() throws {
        let host = try TunnelHost()
        let end = try host.open([.init(.gso)])
        host.closeChannels()
        #expect(end.waitForEnd() == "the tunnel has ended")
        // The end of file may come in a turn of its own, before the close.
        #expect(end.closeReason?.hasPrefix("the other side ") == true)
        #expect(eventually { host.server.connectionCount == 0 })
    }

    @Test("From nothing to an open tunnel takes at most 20 milliseconds on loopback")
    func setUpTime() throws {
        let host = try TunnelHost()
        let best = try (0..<10).map { _ in
            let start = ContinuousClock.now
            let end = try host.open([.init(.gso)])
            let time = ContinuousClock.now - start
            end.tunnel.close()
            _ = end.waitForEnd()
            return time
        }.min()
        #expect(try #require(best) <= .milliseconds(20))
    }
}
