import CLibSSH
import EventLoops
import Glibc
import PacketTunnel
import Synchronization
import Testing

@testable import SSHTransport

@Suite("A server's channels") struct SSHServerChannelTests {
    @Test("carry bytes both ways over IPv4 and IPv6", arguments: ["127.0.0.1", "::1"])
    func carriesBytes(address: String) throws {
        let fixture = try ServerFixture(address: address)
        let client = try TestClient(port: fixture.port, host: address)
        #expect(client.logIn(fixture.key) == SSH_AUTH_SUCCESS.rawValue)
        let channel = try #require(client.open("tun@psiphon.ca"))
        #expect(client.write(channel, Array("hello".utf8)) == 5)
        #expect(client.read(channel, 5) == Array("hello".utf8))
        client.disconnect()
        #expect(eventually { fixture.recorder.now.endedConnections.count == 1 })
        let connection = try #require(fixture.recorder.now.endedConnections.first)
        #expect(connection.user == "alice")
        #expect(connection.keyFingerprint == fixture.key.publicKey.fingerprint)
        #expect(connection.remoteAddress == address)
        #expect(fixture.recorder.now.closes.count == 1)
        #expect(eventually { fixture.server.connectionCount == 0 })
    }

    @Test("bring the payload of the open, and open one by one when they are pipelined")
    func pipelinedOpens() throws {
        let fixture = try ServerFixture()
        fixture.recorder.replaces.store(false, ordering: .relaxed)
        let client = try fixture.client()
        ssh_set_blocking(client.session, 0)
        let types = ["tun@psiphon.ca", "nope@b", "tun@openssh.com", "nope@c", "tun-gso@packet-tunnel.internal"]
        var pending = try types.map { (try #require(ssh_channel_new(client.session)), $0) }
        for (channel, type) in pending {
            _ = libssh_shim_channel_open(channel, type, type, type.utf8.count, 0)
        }
        var results: [String: Int32] = [:]
        #expect(
            eventually {
                pending.removeAll { channel, type in
                    let result = libssh_shim_channel_open(channel, type, nil, 0, 0)
                    if result == SSH_AGAIN { return false }
                    results[type] = result
                    return true
                }
                return pending.isEmpty
            }
        )
        #expect(results == [types[0]: 0, types[1]: -1, types[2]: 0, types[3]: -1, types[4]: 0])
        let opens = fixture.recorder.now.opens
        #expect(opens.map(\.type) == types)
        #expect(opens.map { String(decoding: $0.payload, as: UTF8.self) } == types)
    }

    @Test("of an unknown type are refused with reason 3, and the connection goes on")
    func refusesUnknownType() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        #expect(client.open("nope@example") == nil)
        #expect(client.lastError.contains("error (3) unknown channel type"), "\(client.lastError)")
        #expect(client.open("tun@psiphon.ca") != nil)
    }

    @Test("with a packet maximum of 10 are refused, and the connection goes on")
    func refusesTinyPacketMaximum() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let type = Array("tun@psiphon.ca".utf8)
        var packet: [UInt8] = [90, 0, 0, 0, UInt8(type.count)] + type
        for word: UInt32 in [77, 1_000_000, 10] { packet += withUnsafeBytes(of: word.bigEndian) { Array($0) } }
        client.send(packet)
        let channel = try #require(client.open("tun@psiphon.ca"))
        #expect(client.write(channel, [1, 2, 3]) == 3)
        #expect(client.read(channel, 3) == [1, 2, 3])
        #expect(fixture.recorder.now.opens.count == 1, "only the second is offered")
    }

    @Test("take environment variables before their first byte")
    func environment() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let channel = try #require(client.open("tun@psiphon.ca"))
        #expect(ssh_channel_request_env(channel, "PACKET_TUNNEL_SESSION", "00ff") == SSH_OK)
        #expect(fixture.recorder.now.environment == ["PACKET_TUNNEL_SESSION=00ff"])
        let tunnel = try #require(fixture.recorder.now.tunnels.first)
        #expect(tunnel.environment == ["PACKET_TUNNEL_SESSION": "00ff"])
        for index in 0..<15 { #expect(ssh_channel_request_env(channel, "V\(index)", "x") == SSH_OK) }
        #expect(ssh_channel_request_env(channel, "ONE_TOO_MANY", "x") == SSH_ERROR)
    }

    @Test("can be closed by the server: a second tunnel replaces the first")
    func replacement() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let first = try #require(client.open("tun@psiphon.ca"))
        let second = try #require(client.open("tun@psiphon.ca"))
        #expect(client.read(first, 1) == [])
        #expect(ssh_channel_is_eof(first) != 0)
        #expect(client.write(second, [9]) == 1)
        #expect(client.read(second, 1) == [9])
        #expect(fixture.recorder.now.closes == ["closed"])
    }

    @Test("are limited in number, and a closed one makes room")
    func limit() throws {
        let fixture = try ServerFixture { $0.maxChannels = 3 }
        let client = try fixture.client()
        let channels = (0..<3).compactMap { _ in client.open("session") }
        #expect(channels.count == 3)
        #expect(client.open("session") == nil)
        #expect(client.lastError.contains("error (4)"), "\(client.lastError)")
        ssh_channel_close(channels[0])
        #expect(
            eventually {
                let channel = client.open("session")
                return channel != nil
            }
        )
    }

    @Test("leave nothing behind after 1,000 refused opens and 1,000 opened and closed ones")
    func manyOpens() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        func round(_ count: Int) {
            for _ in 0..<count {
                #expect(client.open("nope@example") == nil)
                guard let channel = client.open("tun@psiphon.ca") else {
                    Issue.record("refused: \(client.lastError)")
                    return
                }
                ssh_channel_close(channel)
                ssh_channel_free(channel)
            }
        }
        round(1000)
        #expect(eventually { fixture.recorder.now.closes.count == 1000 })
        #expect(eventually { fixture.recorder.now.tunnels.allSatisfy { $0.state == .gone } })
    }
}
