import CLibSSH
import Glibc
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import SSHTransport

@Suite("What one connection can make the server hold") struct SSHServerBoundsTests {
    /// A client whose library sends and never reads.
    private final class DeafClient {
        let client: TestClient
        private let receiver: OpaquePointer

        init(_ client: TestClient) throws {
            self.client = client
            receiver = try #require(libssh_shim_receive_attach(client.peer))
            let descriptor = ssh_get_fd(client.session)
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
            libssh_shim_receive_hold(receiver, LIBSSH_SHIM_HOLD_INPUT)
        }

        deinit {
            libssh_shim_receive_hold(receiver, LIBSSH_SHIM_HOLD_NOTHING)
            libssh_shim_receive_detach(receiver)
        }

        /// Sends messages for as long as the server takes them, 64 MiB at most.
        ///
        /// - Returns: bytes that the server took.
        func flood(_ packet: [UInt8]) -> Int {
            var sent = 0
            var lastProgress = TestClient.now
            while sent < 64 << 20, TestClient.now - lastProgress < 1 {
                guard libssh_shim_unsent(receiver) < 1 << 16 else {
                    usleep(1000)
                    // Has the library try again.
                    ssh_blocking_flush(client.session, 1)
                    continue
                }
                for _ in 0..<100 { client.send(packet) }
                sent += 100 * packet.count
                lastProgress = TestClient.now
            }
            return sent
        }
    }

    /// keepalive@openssh.com, which wants an answer (RFC 4254 §4).
    private static let question: [UInt8] = [80, 0, 0, 0, 21] + Array("keepalive@openssh.com".utf8) + [1]

    @Test("reading stops while a client that has logged in takes no answers, and goes on when it does")
    func afterLogin() throws {
        let fixture = try ServerFixture()
        let deaf = try DeafClient(try fixture.client())
        let sent = deaf.flood(Self.question)
        // Buffers of the kernel at both ends, and what the gate lets through.
        #expect(sent < 16 << 20, "the server took \(sent) bytes")
        let other = try fixture.client()
        #expect(other.open("tun@psiphon.ca") != nil, "others are served")
    }

    @Test("the gate closes at its limit, and opens only when most of what waited is gone")
    func gate() {
        var gate = SSHReadGate()
        let amounts = [
            SSHReadGate.closingByteCount, SSHReadGate.closingByteCount + 1, SSHReadGate.openingByteCount + 1,
            SSHReadGate.openingByteCount,
        ]
        var states: [Bool] = []
        var closings: [Bool] = []
        for amount in amounts {
            closings.append(gate.update(unsent: amount))
            states.append(gate.isClosed)
        }
        #expect(states == [false, true, true, false])
        #expect(closings == [false, true, false, false])
        #expect(gate.closings == 1)
    }

    @Test("two ends that send at full speed at once do not stop each other")
    func bothFlood() throws {
        let fixture = try ServerFixture()
        fixture.recorder.floods.store(true, ordering: .relaxed)
        let client = try fixture.client()
        let channel = try #require(client.open("tun@psiphon.ca", extraWindow: 64 << 20))
        let bytes = [UInt8](repeating: 1, count: 32_000)
        var received = 0
        let end = TestClient.now + 30
        while received < 100 << 20, TestClient.now < end {
            #expect(client.write(channel, bytes) == 32_000)
            received += client.read(channel, 64_000).count
        }
        #expect(received >= 100 << 20)
        #expect(fixture.recorder.now.received > 40 << 20)
    }

    @Test("a stranger who sends more than a login takes is sent away")
    func beforeLogin() throws {
        let fixture = try ServerFixture()
        let peer = try TestSocket(port: fixture.port)
        peer.send(Array("SSH-2.0-x\r\n".utf8))
        // RFC 4253 §6: length, length of the padding, a message that nobody knows, padding.
        let packet: [UInt8] = [0, 0, 0, 12, 10, 200] + [UInt8](repeating: 0, count: 10)
        peer.send([UInt8](repeatElement(packet, count: 3_000).joined()))
        #expect(try #require(peer.timeToEnd()) < 5)
        #expect(eventually { fixture.log.contains("too many messages before login") })
    }

    @Test("lines about refused strangers are limited, for one source and for all")
    func lines() {
        let log = SSHServerRefusalLog()
        let one = SSHServerSource("2001:db8::1", blockSize: .init())
        let lines = (0..<10_000).compactMap { log.line(about: one, now: UInt64($0) * 1_000_000) }
        #expect(lines.count >= 20 && lines.count <= 30, "\(lines.count) in ten seconds")
        #expect(lines.reduce(0, +) > 8_500, "what was left out is said")
        let all = (0..<10_000).compactMap { number in
            log.line(
                about: SSHServerSource("192.0.\(number / 256).\(number % 256)", blockSize: .init()),
                now: 10_000_000_000
            )
        }
        #expect(all.count <= 200)
    }

    @Test("what could change how a terminal or a log shows a line is escaped")
    func escapes() {
        #expect(
            SSHRuntime.printable("a\u{202e}b\u{9b}c\nd\u{2028}\u{feff}")
                == "a\\u{202e}b\\u{9b}c\\u{a}d\\u{2028}\\u{feff}"
        )
        #expect(SSHRuntime.printable("ü✓") == "ü✓")
        #expect(SSHRuntime.userName("a address=192.0.2.9 b") == "a?address?192.0.2.9?b")
    }
}
