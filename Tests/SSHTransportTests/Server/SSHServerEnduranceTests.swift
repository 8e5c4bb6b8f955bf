import CLibSSH
import EventLoops
import Glibc
import IPPacket
import OpenSSHSyntax
import PacketTunnel
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import SSHTransport

@Suite("A server under load and abuse") struct SSHServerEnduranceTests {
    @Test("carries 100 MB both ways unchanged while keys are exchanged again and again")
    func rekeying() throws {
        let fixture = try ServerFixture { $0.rekeyLimitBytes = 16 << 20 }
        let client = try fixture.client()
        let channel = try #require(client.open("tun@psiphon.ca", extraWindow: 8 << 20))
        let total = 100 << 20
        // Not a multiple of any size of message or buffer; the front again behind it, so that it may be read on.
        let period = 1_000_003
        var pattern = (0..<period).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        pattern += pattern[..<65536]
        var (sent, received) = (0, 0)
        var buffer = [UInt8](repeating: 0, count: 65536)
        var isRight = true
        while received < total, isRight {
            if sent < total, sent - received < 4 << 20 {
                let length = UInt32(min(32_758, total - sent))
                let written = pattern.withUnsafeBufferPointer {
                    ssh_channel_write(channel, $0.baseAddress.map { $0 + sent % period }, length)
                }
                guard written > 0 else { break }
                sent += Int(written)
                guard sent - received >= 1 << 20 || sent == total else { continue }
            }
            let count = ssh_channel_read_timeout(channel, &buffer, UInt32(buffer.count), 0, 10_000)
            guard count > 0 else { break }
            let expected = received % period..<received % period + Int(count)
            isRight = pattern[expected].withUnsafeBytes { expected in
                buffer.withUnsafeBytes { got in
                    guard let expected = expected.baseAddress, let got = got.baseAddress else { return false }
                    return memcmp(expected, got, Int(count)) == 0
                }
            }
            received += Int(count)
        }
        #expect(received == total)
        #expect(libssh_shim_key_exchanges(client.peer) > 5)
        #expect(isRight, "near byte \(received)")
    }

    @Test("takes thousands of tiny messages that arrive in one receive, in order")
    func tinyMessages() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let channel = try #require(client.open("tun@psiphon.ca", extraWindow: 1 << 20))
        #expect(client.write(channel, [0]) == 1)
        #expect(client.read(channel, 1) == [0])
        let loop = try #require(fixture.recorder.now.tunnels.first).loop
        let count = 5_000
        let isHeld = Atomic<Bool>(true)
        // While the server's loop is busy, everything gathers in the kernel.
        loop.execute { while isHeld.load(ordering: .acquiring) { sched_yield() } }
        let sent = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        for byte in sent { #expect(client.write(channel, [byte]) == 1) }
        isHeld.store(false, ordering: .releasing)
        #expect(client.read(channel, count) == sent)
    }

    @Test("holds back no more than the kernel takes from a peer that stops reading, and serves the others")
    func stalledReader() throws {
        let fixture = try ServerFixture()
        fixture.recorder.floods.store(true, ordering: .relaxed)
        let stalled = try fixture.client()
        #expect(stalled.open("tun@psiphon.ca", extraWindow: 60 << 20) != nil)
        var last = -1
        #expect(
            eventually {
                let sent = fixture.recorder.now.sent
                defer { last = sent }
                usleep(100_000)
                return sent > 0 && sent == last
            }
        )
        #expect(last < 20 << 20, "the window alone would take 60 MB")
        fixture.recorder.floods.store(false, ordering: .relaxed)
        let other = try fixture.client()
        let channel = try #require(other.open("tun@psiphon.ca"))
        for round in 0..<100 {
            #expect(other.write(channel, [UInt8(round)]) == 1)
            #expect(other.read(channel, 1) == [UInt8(round)])
        }
    }

    @Test("queues nothing for a peer that is asked for new keys and never answers")
    func unansweredRekeying() throws {
        let fixture = try ServerFixture { $0.rekeyLimitBytes = 1 << 20 }
        fixture.recorder.floods.store(true, ordering: .relaxed)
        let client = try fixture.client()
        #expect(client.open("tun@psiphon.ca", extraWindow: 60 << 20) != nil)
        // Takes every byte off the connection, and understands none.
        let descriptor = ssh_get_fd(client.session)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, 300) > 0, recv(descriptor, &buffer, buffer.count, 0) > 0 {}
        let sent = fixture.recorder.now.sent
        #expect(sent > 1 << 19 && sent < 3 << 20, "the window alone would take 60 MB: \(sent)")
        fixture.recorder.floods.store(false, ordering: .relaxed)
    }

    @Test("goes on sending when a peer reads again")
    func resumedReader() throws {
        let fixture = try ServerFixture()
        fixture.recorder.floods.store(true, ordering: .relaxed)
        let client = try fixture.client()
        let channel = try #require(client.open("tun@psiphon.ca"))
        #expect(client.read(channel, 30 << 20).count == 30 << 20, "far more than any window")
    }

    @Test("gives every descriptor back after peers that vanish at any moment")
    func vanishingPeers() throws {
        let fixture = try ServerFixture(loops: 2) {
            $0.maxStartups = .init(begin: 1000, rate: 100, full: 1000)
            $0.perSourceMaxStartups = 1000
        }
        let steady = try fixture.client()
        let channel = try #require(steady.open("tun@psiphon.ca"))
        for round in 0..<40 {
            let client = try TestClient(port: fixture.port)
            if round % 4 > 0 { #expect(client.logIn(fixture.key) == SSH_AUTH_SUCCESS.rawValue) }
            if round % 4 > 1, let channel = client.open("tun@psiphon.ca") {
                _ = client.write(channel, [UInt8](repeating: 1, count: 30_000))
            }
            // A reset instead of a farewell.
            var reset = linger(l_onoff: 1, l_linger: 0)
            let descriptor = ssh_get_fd(client.session)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
        #expect(eventually { fixture.server.connectionCount == 1 })
        #expect(fixture.serverDescriptorCount == 1)
        #expect(steady.write(channel, [5]) == 1)
        #expect(steady.read(channel, 1) == [5])
    }

    @Test(
        "drops garbage at once",
        arguments: [
            [UInt8](repeating: 0, count: 300),
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
            Array("SSH-1.5-old\r\n".utf8),
            Array("SSH-2.0-x\r\n".utf8) + [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Array("SSH-2.0-x\r\n".utf8) + [0, 0, 0, 12, 4, 90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ]
    )
    func garbage(bytes: [UInt8]) throws {
        let fixture = try ServerFixture()
        let peer = try TestSocket(port: fixture.port)
        peer.send(bytes)
        #expect(try #require(peer.timeToEnd()) < 5)
        #expect(eventually { fixture.server.connectionCount == 0 })
    }

    @Test("ends the connection of a client that gives no sign of life, not of a silent one that does")
    func keepalive() throws {
        let fixture = try ServerFixture {
            $0.clientAliveInterval = .milliseconds(100)
            $0.clientAliveCountMax = 2
        }
        let silent = try fixture.client()
        let dead = try fixture.client()
        #expect(dead.open("tun@psiphon.ca") != nil)
        #expect(
            eventually {
                // Only the one whose library is called answers.
                _ = silent.open("nope@example")
                return fixture.recorder.now.endedConnections.count == 1
            }
        )
        #expect(
            fixture.log.lines("connection ended").contains { $0["reason"] == "the client has given no sign of life" }
        )
        #expect(silent.open("tun@psiphon.ca") != nil)
    }

    @Test("stops: tells its clients, and returns when the last is gone")
    func stop() throws {
        let fixture = try ServerFixture(loops: 2)
        let clients = try (0..<4).map { _ in try fixture.client() }
        fixture.server.stop(reason: "closing time")
        #expect(fixture.server.connectionCount == 0)
        #expect(fixture.recorder.now.endedConnections.count == 4)
        for client in clients {
            #expect(client.isEnded())
            #expect(client.lastError.contains("closing time"), "\(client.lastError)")
        }
        #expect(throws: SSHError.self) { try TestClient(port: fixture.port) }
    }

    @Test("spreads its clients over the loops")
    func spreading() throws {
        let fixture = try ServerFixture(loops: 2)
        let clients = try (0..<4).map { _ in try fixture.client() }
        for client in clients { #expect(client.open("tun@psiphon.ca") != nil) }
        let loops = Set(fixture.recorder.now.tunnels.map { ObjectIdentifier($0.loop) })
        #expect(loops.count == 2)
    }

    @Test("says what is in the way when it cannot listen")
    func addressInUse() throws {
        let fixture = try ServerFixture()
        #expect {
            _ = try ServerFixture { $0.listenAddresses = [.init(IPAddress(ipv4: 0x7f00_0001), port: fixture.port)] }
        } throws: { error in
            "\(error)" == "cannot listen on 127.0.0.1:\(fixture.port): Address already in use"
        }
    }

    @Test("refuses settings that cannot work, and names them")
    func badSettings() throws {
        #expect { _ = try ServerFixture { $0.ciphers = ["rot13"] } } throws: {
            "\($0)" == "Ciphers rot13: nothing in it is known to libssh \(SSHLibrary.version)"
        }
        #expect { _ = try ServerFixture { $0.maxAuthTries = 0 } } throws: {
            "\($0)" == "MaxAuthTries 0: has to be at least 1"
        }
        #expect { _ = try ServerFixture { $0.version = "a b" } } throws: { "\($0)".hasPrefix("version a b: ") }
    }
}
