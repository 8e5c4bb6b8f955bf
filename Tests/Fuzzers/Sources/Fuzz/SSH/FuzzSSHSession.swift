import CPeerPackets
import EventLoops
import Glibc
import Logging
import OpenSSHSyntax
import PacketTunnel

@testable import SSHTransport

/// Any messages of a client that has logged in, sent to a whole server over loopback: it answers, or ends the connection.
///
/// One connection carries many inputs, each of which ends with all its channels closed.
func fuzzSSHSession(_ input: Input) -> Int32 {
    var input = input
    let server = SessionServer.shared
    let sender = server.connect()
    var isAlive = true
    var sent = 0
    while isAlive, sent < 40, !input.bytes.isEmpty {
        let channels = (0..<packet_sender_channels(sender)).map { packet_sender_channel(sender, $0) }
        let message = SSHMessage.next(&input, channels: channels)
        packet_sender_send(sender, message, message.count)
        sent += 1
        // What follows an open may be for its channel.
        if message.first == 90 { isAlive = packet_sender_wait(sender) }
    }
    for index in 0..<packet_sender_channels(sender) {
        let message = SSHMessage.close(packet_sender_channel(sender, index))
        packet_sender_send(sender, message, message.count)
    }
    packet_sender_forget_channels(sender)
    if !isAlive || !packet_sender_wait(sender) { server.disconnect() }
    return 0
}

/// The server, and the connection to it. Used by the fuzzer's thread.
private final class SessionServer {
    nonisolated(unsafe) static let shared = SessionServer()
    private static let inputsPerConnection = 200

    private let server: SSHServer
    private var sender: OpaquePointer?
    private var uses = 0

    private init() {
        do {
            var directory = Array("/tmp/fuzz-ssh-XXXXXX".utf8CString)
            mkdtemp(&directory)
            let path = String(decoding: directory.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            var configuration = SSHServerConfiguration()
            configuration.listenAddresses = [try ListenAddress(parsing: "127.0.0.1")]
            configuration.listenAddresses[0].port = 0
            configuration.hostKeyFiles = ["\(path)/host_key"]
            configuration.penalties.isEnabled = false
            configuration.perSourceMaxStartups = nil
            configuration.keyLimits.commandsPerSecond = 1e9
            configuration.keyLimits.commandBurst = 1e9
            configuration.keyLimits.patience = .seconds(86_400)
            configuration.authorize = { _, key, _ in
                let line = "\(key.type) \(Base64.encode(key.blob))"
                return AuthorizedKeys(parsing: line, file: "keys").match(key, remoteAddress: "127.0.0.1", now: 0)
            }
            server = try SSHServer.start(
                configuration: configuration,
                loops: [try EventLoop(name: "server")],
                delegate: SessionDelegate(),
                logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            )
            for file in ["host_key", "host_key.pub"] { unlink("\(path)/\(file)") }
            rmdir(path)
        } catch {
            fatalError("no server: \(error)")
        }
    }

    func connect() -> OpaquePointer {
        uses += 1
        if uses > Self.inputsPerConnection { disconnect() }
        if let sender { return sender }
        guard let made = packet_sender_connect(server.addresses[0].port ?? 0) else { fatalError("no connection") }
        sender = made
        return made
    }

    func disconnect() {
        if let sender { packet_sender_free(sender) }
        sender = nil
        uses = 0
    }
}

private final class SessionDelegate: SSHServerDelegate {
    func connection(
        _ connection: SSHServerConnection,
        channelOpenRequested type: String,
        payload: [UInt8]
    ) -> ChannelOpenDecision {
        guard let framing = ChannelFraming(rawValue: type) else { return .refuse(.unknownChannelType, type) }
        if framing == .openSSH, case .failure(let problem) = OpenSSHTunnelRequest.parse(payload) {
            return .refuse(.administrativelyProhibited, problem.description)
        }
        return .accept(SSHChannelOptions(for: framing))
    }

    func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel) {
        channel.setReceiver(Echo(channel))
    }

    func connection(
        _ connection: SSHServerConnection,
        channel: SSHChannel,
        environment name: String,
        value: String
    ) {
        check(name.utf8.count <= 64 && value.utf8.count <= 256, "variables are short")
    }

    func connection(
        _ connection: SSHServerConnection,
        execRequested command: String,
        reply: @escaping (ExecReply) -> Void
    ) -> Bool {
        switch command {
        case "info": reply(ExecReply(output: Array("{}\n".utf8)))
        case "long": reply(ExecReply(output: [UInt8](repeating: 65, count: 200_000), exitStatus: 7))
        case "later":
            nonisolated(unsafe) let reply = reply
            connection.loop.execute { reply(ExecReply(output: [66])) }
        default: return false
        }
        return true
    }

    func connectionDidClose(_ connection: SSHServerConnection) {}
}

/// Sends back what fits.
private final class Echo: PacketTransportReceiver {
    private unowned let channel: SSHChannel

    init(_ channel: SSHChannel) { self.channel = channel }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        bytes.withUnsafeBytes { bytes in
            let count = min(bytes.count, channel.preferredWriteSize)
            guard channel.writableByteCount >= count else { return }
            _ = channel.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]).bytes)
        }
    }

    func transportDidBecomeWritable() {}
    func transportDidClose(reason: String) {}
}
