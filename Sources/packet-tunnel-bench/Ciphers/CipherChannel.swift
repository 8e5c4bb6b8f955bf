internal import EventLoops
internal import Foundation
internal import IPPacket
internal import Logging
internal import OpenSSHSyntax
internal import PacketTunnel
internal import SSHTransport
internal import Synchronization

/// A server and a client of ours in one process, joined by one channel over loopback.
enum CipherChannel {
    /// What one measurement has shown.
    struct Result {
        let megabitsPerSecond: Double
        let processorSecondsPerGigabyte: Double
    }

    /// Sends from client to server for a while.
    static func measure(_ cipher: String, seconds: Double) throws -> Result {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: directory) }
        let loops = try ["bench-server", "bench-client"].map { try EventLoop(name: $0) }
        defer { for loop in loops { loop.stop() } }
        let sink = CountingServer()
        let server = try start(sink, cipher: cipher, directory: directory, loop: loops[0])
        defer { server.stop() }
        let tunnel = try connect(to: server, cipher: cipher, directory: directory, loop: loops[1])
        defer { tunnel.close() }
        return measure(sink, seconds: seconds)
    }

    private static func measure(_ sink: CountingServer, seconds: Double) -> Result {
        // The first bytes show that everything is set up.
        while sink.byteCount.load(ordering: .relaxed) == 0 {
            SystemClock.sleep(until: SystemClock.monotonic + 1_000_000)
        }
        let (start, bytes, processor) = (
            SystemClock.monotonic, sink.byteCount.load(ordering: .relaxed), SystemClock.process
        )
        SystemClock.sleep(until: start + seconds.inNanoseconds)
        let time = Double(SystemClock.monotonic - start)
        let carried = Double(sink.byteCount.load(ordering: .relaxed) - bytes)
        return Result(
            megabitsPerSecond: carried * 8_000 / time,
            processorSecondsPerGigabyte: Double(SystemClock.process - processor) / carried
        )
    }

    // MARK: The two ends

    private static func keyFile(_ directory: URL) -> String { directory.appendingPathComponent("key").path }

    private static func start(
        _ sink: CountingServer,
        cipher: String,
        directory: URL,
        loop: EventLoop
    ) throws -> SSHServer {
        var configuration = SSHServerConfiguration()
        configuration.listenAddresses = [.init(IPAddress(ipv4: 0x7f00_0001), port: 0)]
        configuration.hostKeyFiles = [keyFile(directory)]
        configuration.ciphers = [cipher]
        configuration.authorize = { _, key, address in sink.authorize(key, address) }
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let server = try SSHServer.start(configuration: configuration, loops: [loop], delegate: sink, logger: logger)
        sink.permittedKey.withLock { $0 = server.hostKeys.first }
        return server
    }

    /// The client logs in with the server's own key: nobody else has it.
    private static func connect(
        to server: SSHServer,
        cipher: String,
        directory: URL,
        loop: EventLoop
    ) throws -> SSHClientTunnel {
        var configuration = try SSHClientConfiguration(destination: "bench@127.0.0.1")
        configuration.port = server.addresses.first?.port
        configuration.identityFiles = [keyFile(directory)]
        configuration.file = .none
        let knownHosts = directory.appendingPathComponent("known_hosts").path
        for option in [
            "Ciphers=\(cipher)", "IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=accept-new",
            "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=/dev/null",
        ] { try configuration.setOption(option) }
        let opened = Mutex<SSHClientTunnel?>(nil)
        let client = try SSHClient(connecting: configuration)
        try client.openTunnel(on: loop, offers: [SSHTunnelOffer(.psiphon)]) { tunnel in
            opened.withLock { $0 = tunnel }
            let pump = Pump(tunnel.channel)
            tunnel.channel.setReceiver(pump)
            loop.executeHere { pump.transportDidBecomeWritable() }
        }
        guard let tunnel = opened.withLock({ $0 }) else { throw Lab.Failure(description: "the channel did not open") }
        return tunnel
    }
}

/// Counts what arrives on its channels.
private final class CountingServer: SSHServerDelegate, PacketTransportReceiver {
    let byteCount = Atomic<Int>(0)
    /// The one key that is let in.
    let permittedKey = Mutex<SSHPublicKey?>(nil)

    func authorize(_ key: SSHPublicKey, _ address: String) -> Result<AuthorizedKey, AuthorizedKeysRefusal> {
        guard key == permittedKey.withLock({ $0 }) else { return .failure(.unknownKey) }
        let line = "\(key.type) \(Data(key.blob).base64EncodedString())"
        return AuthorizedKeys(parsing: line, file: "bench").match(key, remoteAddress: address, now: 0)
    }

    func connection(
        _ connection: SSHServerConnection,
        channelOpenRequested type: String,
        payload: [UInt8]
    ) -> ChannelOpenDecision { .accept(SSHChannelOptions(for: .psiphon)) }

    func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel) { channel.setReceiver(self) }

    func connection(
        _ connection: SSHServerConnection,
        channel: SSHChannel,
        environment name: String,
        value: String
    ) {}

    func connection(
        _ connection: SSHServerConnection,
        execRequested command: String,
        reply: @escaping (ExecReply) -> Void
    ) -> Bool { false }

    func connectionDidClose(_ connection: SSHServerConnection) {}

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        byteCount.wrappingAdd(bytes.byteCount, ordering: .relaxed)
    }

    func transportDidBecomeWritable() {}
    func transportDidClose(reason: String) {}
}

/// Sends as much as its channel takes.
private final class Pump: PacketTransportReceiver {
    private weak var channel: SSHChannel?
    private let message: [UInt8]

    init(_ channel: SSHChannel) {
        self.channel = channel
        message = (0..<channel.preferredWriteSize).map { UInt8(truncatingIfNeeded: $0 &* 167) }
    }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {}

    func transportDidBecomeWritable() {
        guard let channel else { return }
        while channel.writableByteCount > 0 {
            guard message.withUnsafeBytes({ channel.write($0.bytes) }) > 0 else { return }
        }
        channel.notifyWhenWritable()
    }

    func transportDidClose(reason: String) {}
}
