internal import EventLoops
internal import Glibc
internal import IPPacket
internal import OpenSSHSyntax
internal import Synchronization

/// A way through a jump host: our own session there, a `direct-tcpip` channel on it (RFC 4254 §7.2), and a pair of sockets
/// between that and the next session.
///
/// In this process and not by ssh(1), so that the outermost socket is ours: it is marked, routed, watched and made anew as
/// that of any other connection when the network changes.
final class JumpLink: ConnectionLink {
    let peers: [SSHPeer]
    let localAddress: IPAddress?
    let isBound: Bool
    private let name: String
    private let state = Mutex<State>(State())

    private struct State {
        var tunnel: SSHClientTunnel?
        var reason: String?
        var isClosed = false
    }

    /// All jump hosts of the process share a thread: what they carry is decrypted on that of the connection inside.
    private static let loop: Result<EventLoop, any Error> = Result { try EventLoop(name: "ptun-jump") }
    /// Bytes that may be on their way from a jump host: 300 Mbit/s over 100 ms.
    private static let window: UInt32 = 4 << 20
    /// Of each socket between two sessions. What waits there cannot be overtaken.
    private static let socketBuffer: Int32 = 128 << 10
    /// As many as there are in a chain, at most.
    private static let depthLimit = 16

    /// Logs in to the last of `hosts`, by way of those before it, and has it connect to a server.
    ///
    /// - Returns: the link, and the socket that leads through it, which is the caller's.
    /// - Throws: `SSHClientError`, whose message begins with the jump host that it comes from.
    static func connect(
        through hosts: [Destination],
        to host: String,
        port: UInt16,
        for configuration: SSHClientConfiguration,
        prompts: SSHClientPrompts,
        timeout: Int
    ) throws(SSHClientError) -> (descriptor: Int32, link: JumpLink) {
        guard let last = hosts.last else { throw SSHClientError(.configuration, "ProxyJump names no host") }
        let next = try self.configuration(for: last, through: hosts.dropLast(), like: configuration)
        let client: SSHClient
        do throws(SSHClientError) {
            client = try SSHClient(connecting: next, prompts: prompts)
        } catch {
            throw error.ofJumpHost(JumpHosts.text(last))
        }
        let link = JumpLink(name: JumpHosts.text(last), outside: client.link)
        return (try link.open(client, to: host, port: port, timeout: timeout), link)
    }

    /// What ssh hands on to `ssh -W`: the configuration file, and nothing of the command line's other words; but the congestion
    /// control, which is about the one TCP connection that there is here.
    private static func configuration(
        for jump: Destination,
        through before: ArraySlice<Destination>,
        like outer: SSHClientConfiguration
    ) throws(SSHClientError) -> SSHClientConfiguration {
        let name = JumpHosts.text(jump)
        let isSame =
            jump.host.lowercased() == outer.host.lowercased() && (jump.port ?? outer.port) == outer.port
            && (jump.user ?? outer.user) == outer.user
        guard !isSame, outer.jumpDepth < depthLimit else {
            throw SSHClientError(.configuration, "ProxyJump: the way to \(name) leads through \(name)")
        }
        var next = try SSHClientConfiguration(destination: jump.host)
        next.user = jump.user
        next.port = jump.port
        next.file = outer.file
        next.notice = outer.notice
        next.progress = outer.progress
        next.pathNotice = outer.pathNotice
        next.bindToDevice = outer.bindToDevice
        next.prepareSocket = outer.prepareSocket
        next.nameServers = outer.nameServers
        next.jumpDepth = outer.jumpDepth + 1
        if let option = outer.options.first(where: { $0.name == "CongestionControl" }) {
            try next.setOption(option.description)
        }
        if !before.isEmpty { try next.setOption("ProxyJump=\(JumpHosts(before))") }
        return next
    }

    private init(name: String, outside link: any ConnectionLink) {
        self.name = name
        peers = link.peers
        localAddress = link.localAddress
        isBound = link.isBound
    }

    var failure: SSHClientError? {
        state.withLock { $0.reason }.map { SSHClientError(.temporary, $0).ofJumpHost(name) }
    }

    func stay(on interface: String, socket: Int32) {
        state.withLock { $0.tunnel }?.stay(on: interface)
    }

    func watch(whenDoubtful: @escaping @Sendable () -> Void) {
        state.withLock { $0.tunnel }?.watch(whenDoubtful: whenDoubtful)
    }

    func close() {
        let tunnel = state.withLock { state in
            defer { state.tunnel = nil }
            state.isClosed = true
            return state.tunnel
        }
        tunnel?.close()
    }

    // MARK: Opening

    private func open(_ client: SSHClient, to host: String, port: UInt16, timeout: Int) throws(SSHClientError) -> Int32
    {
        let loop: EventLoop
        do { loop = try Self.loop.get() } catch { throw SSHClientError(.temporary, "\(error)") }
        let ends = try Self.socketPair()
        do throws(SSHClientError) {
            try client.openChannel(
                on: loop,
                offers: [.connection(to: host, port: port, window: Self.window)],
                timeout: timeout,
                refusal: { self.refusal($0.last, to: "\(host) port \(port)") },
                whenOpen: { self.relay($0, ends.relay, loop) }
            )
        } catch {
            Glibc.close(ends.session)
            Glibc.close(ends.relay)
            throw error.ofJumpHost(name)
        }
        return ends.session
    }

    /// On the loop.
    private func relay(_ tunnel: SSHClientTunnel, _ descriptor: Int32, _ loop: EventLoop) {
        let isClosed = state.withLock { state in
            state.tunnel = tunnel
            return state.isClosed
        }
        let limit = Int(Self.window) + 256 << 10
        let relay = try? JumpRelay(channel: tunnel.channel, descriptor: descriptor, limit: limit, loop: loop) {
            // The session inside reports that the server has closed its connection.
            if tunnel.hasEnded { self.note($0) }
            self.close()
        }
        guard let relay, !isClosed else {
            if relay == nil { Glibc.close(descriptor) }
            return tunnel.close()
        }
        tunnel.channel.setReceiver(relay)
    }

    private func note(_ reason: String) {
        state.withLock { state in if !state.isClosed, state.reason == nil { state.reason = reason } }
    }

    private func refusal(_ refusal: SSHTunnelRefusal?, to place: String) -> SSHClientError {
        let text = refusal?.text ?? "no answer"
        return switch refusal?.code {
        case .connectFailed: SSHClientError(.unreachable, "it cannot reach \(place): \(text)")
        case .administrativelyProhibited:
            SSHClientError(
                .permission,
                "it does not permit a connection to \(place) (\(text)); see AllowTcpForwarding and PermitOpen there"
            )
        default: SSHClientError(.temporary, "it makes no connection to \(place): \(text)")
        }
    }

    private static func socketPair() throws(SSHClientError) -> (session: Int32, relay: Int32) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw SSHClientError(.temporary, "socketpair: \(String(cString: strerror(errno)))")
        }
        var size = socketBuffer
        for end in ends { setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
        return (ends[0], ends[1])
    }
}

extension SSHTunnelOffer {
    /// A TCP connection that the server is to make (RFC 4254 §7.2).
    fileprivate static func connection(to host: String, port: UInt16, window: UInt32) -> SSHTunnelOffer {
        func word(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }
        func string(_ text: String) -> [UInt8] { word(UInt32(text.utf8.count)) + Array(text.utf8) }
        var options = SSHChannelOptions()
        options.extraReceiveWindow = window
        options.grantsByHand = true
        // The originator: none that the server could know.
        let payload = string(host) + word(UInt32(port)) + string("127.0.0.1") + word(65_535)
        return SSHTunnelOffer(type: "direct-tcpip", payload: payload, options: options, sendsSessionName: false)
    }
}
