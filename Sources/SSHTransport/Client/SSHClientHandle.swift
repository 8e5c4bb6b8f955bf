internal import CLibSSH
internal import EventLoops
internal import Glibc
internal import OpenSSHSyntax
internal import PacketTunnel

/// Owns one libssh session of a client, from its making until a tunnel takes it over or it ends.
///
/// Used by one thread at a time: the connecting one, and afterwards the loop's, which may only call `transfer(to:)`.
final class SSHClientHandle: @unchecked Sendable {  // one thread after the other
    let session: ssh_session
    let peer: OpaquePointer
    /// What the two ends have agreed on.
    var security: TransportSecurity?
    /// What carries the connection; set once, before the library connects.
    private(set) var link: (any ConnectionLink)?
    /// How the connection's congestion control is chosen.
    var congestionControl = CongestionControl.auto
    /// Hears of another congestion control, and of one that the kernel does not give. On the loop.
    var onPathChange: ((PathWatch.Change) -> Void)?
    private var isClosed = false
    private(set) var isTransferred = false

    init() throws(SSHClientError) {
        do { try SSHRuntime.initialize() } catch { throw SSHClientError(.temporary, error.reason) }
        guard let session = ssh_new() else { throw SSHClientError(.temporary, "out of memory") }
        // Before the connection is made: it sees every packet. The server may open nothing here.
        guard let peer = libssh_shim_peer_attach(session, nil, nil, nil) else {
            ssh_free(session)
            throw SSHClientError(.temporary, "out of memory")
        }
        self.session = session
        self.peer = peer
    }

    deinit {
        guard !isTransferred else { return }
        close()
        ssh_free(session)
        libssh_shim_peer_free(peer)
    }

    func close() {
        guard !isClosed, !isTransferred else { return }
        isClosed = true
        ssh_disconnect(session)
        link?.close()
    }

    /// Makes a driver on the loop the owner. On the loop's thread; nobody else uses the session any more.
    func transfer(to loop: EventLoop) throws(SSHClientError) -> SSHSession {
        guard !isClosed, !isTransferred else { throw SSHClientError(.usage, "the connection is closed") }
        ssh_set_blocking(session, 0)
        do throws(SSHError) {
            var options = SSHSession.SocketOptions()
            options.congestionControl = congestionControl
            let driver = try SSHSession(taking: session, peer: peer, loop: loop, options: options)
            driver.onPathChange = onPathChange
            driver.handshakeDidFinish()
            driver.security = security
            isTransferred = true
            return driver
        } catch {
            throw SSHClientError(.temporary, error.reason)
        }
    }

    var port: UInt16 {
        var port: UInt32 = 22
        ssh_options_get_port(session, &port)
        return UInt16(truncatingIfNeeded: port)
    }

    func text(_ option: ssh_options_e) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard ssh_options_get(session, option, &value) == SSH_OK, let value else { return nil }
        defer { ssh_string_free_char(value) }
        return String(cString: value)
    }

    /// Has the library speak over a connected socket, which is its own from now on.
    func use(_ descriptor: Int32, of link: any ConnectionLink) throws(SSHClientError) {
        self.link = link
        var descriptor = descriptor
        guard ssh_options_set(session, SSH_OPTIONS_FD, &descriptor) == 0 else {
            Glibc.close(descriptor)
            throw SSHClientError(.temporary, "out of memory")
        }
    }

    /// How long the library waits at each step, in seconds.
    func setTimeout(_ seconds: Int) {
        var seconds = max(1, seconds)
        ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &seconds)
    }

    /// Greets the server and exchanges keys.
    func connect(to place: String, until deadline: Int) throws(SSHClientError) {
        setTimeout((deadline - SystemClock.milliseconds + 999) / 1_000)
        let result = ssh_connect(session)
        let reason = SSHRuntime.lastError(of: session)
        // As long as the option is set the library leaves its descriptor open at the end. It calls the reset a failure.
        ssh_options_set(session, SSH_OPTIONS_FD, nil)
        guard result != SSH_OK else { return }
        throw Self.connectFailure(place, reason, wasGreeted: ssh_get_serverbanner(session) != nil)
    }

    /// libssh tells its failures apart by text alone.
    static func connectFailure(_ place: String, _ reason: String, wasGreeted: Bool) -> SSHClientError {
        func says(_ words: String...) -> Bool { words.contains { reason.lowercased().contains($0) } }
        if says("resolve hostname") {
            return SSHClientError(
                .unreachable,
                "cannot find \(place): no such host name; check its spelling and your DNS"
            )
        }
        if says("refused") {
            return SSHClientError(.unreachable, "\(place) refuses the connection: no SSH server listens there")
        }
        if says("timeout", "timed out") {
            return SSHClientError(.unreachable, "\(place) does not answer; check address, port and firewalls")
        }
        if says("unreachable", "no route", "failed to connect", "connect failed", "cannot assign") {
            return SSHClientError(.unreachable, "cannot reach \(place): \(reason)")
        }
        if says("kex error", "no match for method", "banner", "version", "signature", "crypt") {
            return SSHClientError(.protocolViolation, "\(place) cannot be spoken with: \(reason)")
        }
        guard wasGreeted else {
            return SSHClientError(
                .temporary,
                "\(place) has closed the connection before any greeting: it is no SSH server, or it has too many clients"
            )
        }
        // Closed during the key exchange: too many connections, or a server that is going down.
        return SSHClientError(.temporary, "\(place) has ended the connection: \(reason)")
    }
}
