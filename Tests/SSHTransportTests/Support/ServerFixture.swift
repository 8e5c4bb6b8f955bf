import CLibSSH
import EventLoops
import Glibc
import IPPacket
import OpenSSHSyntax
import PacketTunnel
import PacketTunnelTestKit
import Synchronization

@testable import SSHTransport

/// A running server on loopback with one user's key, and a record of what happened.
final class ServerFixture {
    let key: TestKey
    let server: SSHServer
    let recorder: ServerRecorder
    let log = RecordedLog()
    let port: UInt16
    private let loops: [EventLoop]
    private let directory: String

    init(
        loops count: Int = 1,
        address: String = "127.0.0.1",
        _ change: (inout SSHServerConfiguration) -> Void = { _ in }
    ) throws {
        key = try TestKey()
        var template = Array("/tmp/sshserver-test-XXXXXX".utf8CString)
        mkdtemp(&template)
        directory = String(decoding: template.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        loops = try (0..<count).map { try EventLoop(name: "test-loop-\($0)") }
        recorder = ServerRecorder()
        var configuration = SSHServerConfiguration()
        configuration.listenAddresses = [try ListenAddress(parsing: address)]
        configuration.listenAddresses[0].port = 0
        configuration.hostKeyFiles = ["\(directory)/host_key"]
        let text = "\(key.publicKey.type) \(Base64.encode(key.publicKey.blob)) alice\n"
        let keys = AuthorizedKeys(parsing: text, file: "test")
        configuration.authorize = { user, key, address in
            user == "alice" ? keys.match(key, remoteAddress: address, now: 0) : .failure(.unknownKey)
        }
        change(&configuration)
        server = try SSHServer.start(
            configuration: configuration,
            loops: loops,
            delegate: recorder,
            logger: log.logger
        )
        port = server.addresses[0].port ?? 0
    }

    deinit {
        server.stop()
        for loop in loops { loop.stop() }
        // Connections know their server, and with it the recorder.
        recorder.seen.withLock { $0 = .init() }
        unlink("\(directory)/host_key")
        rmdir(directory)
    }

    /// A client that has logged in.
    func client(options: [(ssh_options_e, String)] = []) throws -> TestClient {
        let client = try TestClient(port: port, options: options)
        guard client.logIn(key) == SSH_AUTH_SUCCESS.rawValue else {
            throw SSHError(.authentication, client.lastError)
        }
        return client
    }

    func writeKey() throws -> String {
        let path = "/tmp/sshserver-test-key-\(getpid())-\(port)"
        try key.write(to: path)
        return path
    }

    /// Descriptors of this process whose own end is the server's port, without the listener.
    var serverDescriptorCount: Int {
        (3..<1024).count { descriptor in
            var name = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getpeername(Int32(descriptor), $0, &length) == 0 && getsockname(Int32(descriptor), $0, &length) == 0
                }
            }
            return result && name.sin_family == sa_family_t(AF_INET) && UInt16(bigEndian: name.sin_port) == port
        }
    }
}

/// Waits for a condition, ten seconds at most.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = TestClient.now + 10
    while TestClient.now < end {
        if condition() { return true }
        usleep(2000)
    }
    return condition()
}

/// What a delegate saw, for the test's thread. Accepts tunnels and echoes what they carry.
final class ServerRecorder: SSHServerDelegate {
    struct Seen {
        var opens: [(type: String, payload: [UInt8])] = []
        var environment: [String] = []
        var commands: [String] = []
        var closes: [String] = []
        var endedConnections: [(user: String, keyFingerprint: String, remoteAddress: String)] = []
        var received = 0
        var sent = 0
        var tunnels: [SSHChannel] = []
    }

    let seen = Mutex(Seen())
    var now: Seen { seen.withLock { $0 } }
    /// false: arriving bytes are only counted.
    let echoes = Atomic<Bool>(true)
    /// A second tunnel closes the first.
    let replaces = Atomic<Bool>(true)
    /// Sends without end, as fast as the peer takes it.
    let floods = Atomic<Bool>(false)

    func connection(
        _ connection: SSHServerConnection,
        channelOpenRequested type: String,
        payload: [UInt8]
    ) -> ChannelOpenDecision {
        seen.withLock { $0.opens.append((type, payload)) }
        guard let framing = ChannelFraming(rawValue: type) else {
            return .refuse(.unknownChannelType, "unknown channel type")
        }
        return .accept(SSHChannelOptions(for: framing))
    }

    func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel) {
        let replaces = replaces.load(ordering: .relaxed)
        for earlier in connection.channels where replaces && earlier !== channel && earlier.type != "session" {
            earlier.close()
        }
        channel.setReceiver(EchoReceiver(channel, self))
        seen.withLock { $0.tunnels.append(channel) }
        guard floods.load(ordering: .relaxed) else { return }
        channel.loop.execute { channel.receiver?.transportDidBecomeWritable() }
    }

    func connection(
        _ connection: SSHServerConnection,
        channel: SSHChannel,
        environment name: String,
        value: String
    ) {
        seen.withLock { $0.environment.append("\(name)=\(value)") }
    }

    func connection(
        _ connection: SSHServerConnection,
        execRequested command: String,
        reply: @escaping (ExecReply) -> Void
    ) -> Bool {
        seen.withLock { $0.commands.append(command) }
        switch command {
        case "info": reply(ExecReply(output: Array("{\"user\":\"\(connection.user)\"}\n".utf8)))
        case "long": reply(ExecReply(output: [UInt8](repeating: 65, count: 3_000_000), exitStatus: 7))
        default: return false
        }
        return true
    }

    func connectionDidClose(_ connection: SSHServerConnection) {
        let ended = (connection.user, connection.keyFingerprint, connection.remoteAddress)
        seen.withLock { $0.endedConnections.append(ended) }
    }
}

/// Sends back what arrives; what does not fit yet waits here.
final class EchoReceiver: PacketTransportReceiver {
    private unowned let channel: SSHChannel
    private let recorder: ServerRecorder
    private var waiting: [UInt8] = []
    private var offset = 0
    private let flood = [UInt8](repeating: 7, count: 32_758)

    init(_ channel: SSHChannel, _ recorder: ServerRecorder) {
        self.channel = channel
        self.recorder = recorder
    }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        let count = bytes.byteCount
        recorder.seen.withLock { $0.received += count }
        guard recorder.echoes.load(ordering: .relaxed) else { return }
        bytes.withUnsafeBytes { waiting += $0 }
        transportDidBecomeWritable()
    }

    func transportDidBecomeWritable() {
        while recorder.floods.load(ordering: .relaxed), channel.writableByteCount > 0 {
            let written = flood.withUnsafeBytes { channel.write($0.bytes) }
            recorder.seen.withLock { $0.sent += written }
            guard written > 0 else { return }
        }
        if recorder.floods.load(ordering: .relaxed) { channel.notifyWhenWritable() }
        while offset < waiting.count {
            let end = min(waiting.count, offset + channel.preferredWriteSize)
            let written = waiting.withUnsafeBytes {
                channel.write(UnsafeRawBufferPointer(rebasing: $0[offset..<end]).bytes)
            }
            guard written > 0 else { return }
            offset += written
        }
        waiting.removeAll(keepingCapacity: true)
        offset = 0
    }

    func transportDidClose(reason: String) {
        recorder.seen.withLock { $0.closes.append(reason) }
    }
}
