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
        #expect(error?.message.contains("tun-gso@packet-tunnel.internal: not today") == true)
        #expect(host.seen.types.count == asked)
    }

    @Test("A server that does not answer the request ends at the time limit")
    func noAnswer() throws {
        let host = try TunnelHost()
        host.holdOpens()
        defer { host.release.signal() }
        let error = #expect(throws: SSHClientError.self) { try host.open([.init(.gso)], timeout: 1) }
        #expect(error?.kind == .temporary)
        #expect(error?.message == "the server does not answer the request for a tunnel")
    }

    @Test("A server that falls silent is noticed by its missing signs of life")
    func silentServer() throws {
        let host = try TunnelHost()
        let end = try host.open([.init(.gso)], options: ["ServerAliveInterval=1", "ServerAliveCountMax=1"])
        host.hold()
        defer { host.release.signal() }
        #expect(end.waitForEnd() == "the server has not answered for 2 s")
        #expect(end.closeReason == "the server has not answered for 2 s")
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

/// Our own server on loopback, with a client's key, that refuses what it is told to and echoes what it carries.
private final class TunnelHost: Sendable {
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

/// The client's end of a tunnel, seen from the test's thread.
private final class ClientEnd: PacketTransportReceiver, Sendable {
    let tunnel: SSHClientTunnel
    private let state = Mutex<(bytes: [UInt8], closeReason: String?, endReason: String?)>(([], nil, nil))
    private let changed = Signal()

    init(_ tunnel: SSHClientTunnel) { self.tunnel = tunnel }

    var closeReason: String? { state.withLock { $0.closeReason } }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        let received = bytes.withUnsafeBytes { Array($0) }
        state.withLock { $0.bytes += received }
        changed.signal()
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) { state.withLock { $0.closeReason = reason } }

    func ended(_ reason: String) {
        state.withLock { $0.endReason = reason }
        changed.signal()
    }

    func waitForBytes(_ count: Int) -> [UInt8] {
        while true {
            let now = state.withLock { $0 }
            if now.bytes.count >= count || now.endReason != nil { return now.bytes }
            changed.wait()
        }
    }

    func waitForEnd() -> String {
        while true {
            if let reason = state.withLock({ $0.endReason }) { return reason }
            changed.wait()
        }
    }
}

private final class Signal: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}
