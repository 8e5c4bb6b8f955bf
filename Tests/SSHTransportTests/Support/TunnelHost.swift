import EventLoops
import Glibc
import IPPacket
import Logging
import OpenSSHSyntax
import PacketTunnel
import Synchronization
import Testing

@testable import SSHTransport

/// Our own server on loopback, with a client's key, that refuses what it is told to and echoes what it carries.
final class TunnelHost: Sendable {
    struct Seen {
        var types: [String] = []
        var payloads: [[UInt8]] = []
        var environment: [String] = []
        var channels: [SSHChannel] = []
    }

    private final class Delegate: SSHServerDelegate {
        let seen = Mutex(Seen())
        let refusals: [String: ChannelOpenFailure]
        let holdsOpens = Atomic<Bool>(false)
        /// What is said on a channel as soon as it is open.
        let firstWords = Mutex<[UInt8]>([])
        let release = Signal()

        init(refusals: [String: ChannelOpenFailure]) { self.refusals = refusals }

        func connection(
            _ connection: SSHServerConnection,
            channelOpenRequested type: String,
            payload: [UInt8]
        ) -> ChannelOpenDecision {
            seen.withLock {
                $0.types.append(type)
                $0.payloads.append(payload)
            }
            if holdsOpens.load(ordering: .relaxed) { release.wait() }
            if let failure = refusals[type] { return .refuse(failure, "not today") }
            return .accept(ChannelFraming(rawValue: type).map { SSHChannelOptions(for: $0) } ?? SSHChannelOptions())
        }

        func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel) {
            channel.setReceiver(Echo(channel))
            _ = firstWords.withLock { $0.withUnsafeBytes { channel.write($0.bytes) } }
            seen.withLock { $0.channels.append(channel) }
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
            if command == "info" { reply(ExecReply(output: Array("{}".utf8))) }
            return command == "info"
        }

        func connectionDidClose(_ connection: SSHServerConnection) {
            seen.withLock { $0.channels = [] }
        }
    }

    let server: SSHServer
    private let delegate: Delegate
    private let serverLoop: EventLoop
    private let clientLoop: EventLoop
    private let directory: TemporaryDirectory

    var seen: Seen { delegate.seen.withLock { $0 } }
    func speakFirst(_ words: [UInt8]) { delegate.firstWords.withLock { $0 = words } }
    func holdOpens() { delegate.holdsOpens.store(true, ordering: .relaxed) }
    var release: Signal { delegate.release }

    init(refusals: [String: ChannelOpenFailure] = [:]) throws {
        delegate = Delegate(refusals: refusals)
        directory = try TemporaryDirectory()
        serverLoop = try EventLoop(name: "server")
        clientLoop = try EventLoop(name: "client")
        let key = try TestKey()
        try key.write(to: directory.path + "/key")
        let keys = AuthorizedKeys(parsing: "\(key.publicKey.type) \(Base64.encode(key.publicKey.blob))", file: "keys")
        var configuration = SSHServerConfiguration()
        configuration.listenAddresses = [.init(IPAddress(ipv4: 0x7f00_0001), port: 0)]
        configuration.hostKeyFiles = [directory.path + "/host_key"]
        configuration.authorize = { _, key, address in keys.match(key, remoteAddress: address, now: 0) }
        server = try SSHServer.start(
            configuration: configuration,
            loops: [serverLoop],
            delegate: delegate,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    deinit {
        server.stop()
        serverLoop.stop()
        clientLoop.stop()
    }

    /// Stops the server's thread until `release` is signalled.
    func hold() { serverLoop.execute { [release] in release.wait() } }

    func closeChannels() {
        serverLoop.execute { [delegate] in
            for channel in delegate.seen.withLock({ $0.channels }) { channel.close() }
        }
    }

    func connect(options: [String] = []) throws -> SSHClient {
        var configuration = try SSHClientConfiguration(destination: "alice@127.0.0.1")
        configuration.port = server.addresses[0].port
        configuration.file = .none
        configuration.identityFiles = [directory.path + "/key"]
        for option in options + [
            "UserKnownHostsFile=\(directory.path)/known_hosts", "GlobalKnownHostsFile=none",
            "StrictHostKeyChecking=accept-new", "IdentitiesOnly=yes",
        ] {
            try configuration.setOption(option)
        }
        return try SSHClient(connecting: configuration)
    }

    func open(
        _ offers: [SSHTunnelOffer],
        name: String? = nil,
        greeting: [UInt8] = [],
        options: [String] = [],
        timeout: Int = 10,
        on client: SSHClient? = nil
    ) throws -> ClientEnd {
        let client = try client ?? connect(options: options)
        let opened = Mutex<ClientEnd?>(nil)
        try client.openTunnel(on: clientLoop, offers: offers, sessionName: name, timeout: timeout) { tunnel in
            let end = ClientEnd(tunnel)
            tunnel.channel.setReceiver(end)
            tunnel.onEnd = { end.ended($0) }
            if !greeting.isEmpty { _ = tunnel.channel.write(greeting.span.bytes) }
            opened.withLock { $0 = end }
        }
        return try #require(opened.withLock { $0 })
    }
}

private final class Echo: PacketTransportReceiver {
    private let channel: SSHChannel
    init(_ channel: SSHChannel) { self.channel = channel }
    func transportDidReceive(_ bytes: inout MutableRawSpan) { _ = channel.write(bytes.bytes) }
    func transportDidBecomeWritable() {}
    func transportDidClose(reason: String) {}
}
