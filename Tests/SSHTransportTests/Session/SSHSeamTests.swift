import CLibSSH
import Glibc
import PacketTunnel
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import SSHTransport

/// Each seam of Sources/CLibSSH/README.md, with a server's session that libssh itself reads and writes.
@Suite("Seams of the SSH library") struct SSHSeamTests {
    /// What has come by the seams of the connection's session, and what waits in between.
    private func passed(_ channel: SSHChannel) throws -> (bytes: libssh_shim_passed, pending: Int) {
        let result = Mutex<(libssh_shim_passed, Int)?>(nil)
        let loop = channel.loop
        loop.execute {
            let receiver = channel.session.receiver
            result.withLock {
                $0 = (libssh_shim_receive_passed(receiver), libssh_shim_receive_pending(receiver))
            }
        }
        #expect(eventually { result.withLock { $0 != nil } })
        return try #require(result.withLock { $0 })
    }

    @Test("poll, recv and ssh_buffer_pass_bytes_end: all that arrives comes by them; send: all that leaves")
    func sockets() throws {
        let fixture = try ServerFixture()
        fixture.recorder.echoes.store(false, ordering: .relaxed)
        let client = try fixture.client()
        let channel = try #require(client.open("tun@psiphon.ca"))
        #expect(eventually { fixture.recorder.now.tunnels.count == 1 })
        let tunnel = try #require(fixture.recorder.now.tunnels.first)
        let block = [UInt8](repeating: 7, count: 32_000)
        let total = 100 * block.count
        for _ in 0..<100 { #expect(client.write(channel, block) == 32_000) }
        #expect(eventually { fixture.recorder.now.received == total })
        let upstream = try passed(tunnel)
        #expect(upstream.bytes.polled >= UInt64(total), "poll")
        #expect(upstream.bytes.read > 0, "recv")
        #expect(upstream.bytes.appended > 0, "ssh_buffer_pass_bytes_end")
        let handed = upstream.bytes.read + upstream.bytes.appended
        #expect(handed + UInt64(upstream.pending) == upstream.bytes.polled, "and nothing comes by another way")

        fixture.recorder.echoes.store(true, ordering: .relaxed)
        #expect(client.write(channel, block) == 32_000)
        #expect(client.read(channel, block.count) == block)
        #expect(try passed(tunnel).bytes.sent >= upstream.bytes.sent + UInt64(block.count), "send")
    }

    @Test("ssh_buffer_add_buffer: the peer sees the type and the payload of our open, and no x11")
    func opens() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let payload: [UInt8] = [0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]
        #expect(client.open("tun@openssh.com", payload: payload) != nil)
        #expect(client.open("nonsense@nowhere") == nil)
        let opens = fixture.recorder.now.opens
        #expect(opens.map(\.type) == ["tun@openssh.com", "nonsense@nowhere"])
        #expect(opens.first?.payload == payload)
    }

    @Test("ssh_packet_encrypt: the peer sees the reason of our SSH_MSG_DISCONNECT")
    func disconnects() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client()
        let other = try fixture.client()
        libssh_shim_disconnect(client.session, UInt32(LIBSSH_SHIM_PROTOCOL_ERROR), "out of turn")
        let hasReason = eventually { fixture.log.endReasons.contains { $0.contains("(2:out of turn)") } }
        #expect(hasReason, "\(fixture.log.lines)")
        libssh_shim_disconnect(other.session, UInt32(LIBSSH_SHIM_BY_APPLICATION), "done")
        #expect(eventually { fixture.log.endReasons.contains { $0.contains("(11:done)") } }, "\(fixture.log.lines)")
    }
}

extension RecordedLog {
    /// Why connections have ended.
    fileprivate var endReasons: [String] { lines("connection ended").compactMap { $0["reason"] } }
}
