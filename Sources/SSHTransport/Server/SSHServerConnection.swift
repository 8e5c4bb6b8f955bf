internal import CLibSSH
public import EventLoops
internal import Logging
public import PacketTunnel

/// One client's connection to a server, from the first byte to the last.
///
/// Belongs to its loop, on whose thread alone it may be used; it is `Sendable` so that closures posted to that loop may
/// carry it.
public final class SSHServerConnection: @unchecked Sendable {
    /// The loop that owns the connection and its channels.
    public var loop: EventLoop { shard.loop }
    /// The client's address in text form, without port.
    public let remoteAddress: String
    /// The client's port.
    public let remotePort: UInt16
    /// Who has logged in.
    public private(set) var user = ""
    /// The key of the login.
    public private(set) var publicKey: SSHPublicKey?
    /// The line of `authorized_keys` that let the key in, with its restrictions.
    public private(set) var authorizedKey: AuthorizedKey?

    /// `SHA256:…` of the key of the login, as OpenSSH prints it.
    public var keyFingerprint: String { publicKey?.fingerprint ?? "" }

    /// What the two ends have agreed on, from the login on.
    public var security: TransportSecurity? { session?.security }

    /// Open channels, `session` ones included.
    public var channels: [SSHChannel] { session?.channels ?? [] }

    let shard: SSHServerShard
    var context: SSHServerContext { shard.context }
    private(set) var session: SSHSession?
    private(set) var isAuthenticated = false
    /// The loop's time by which the client has to be authenticated.
    let loginDeadline: UInt64

    private let callbacks: UnsafeMutablePointer<ssh_server_callbacks_struct>
    private var failures = 0
    private var triedNone = false
    private var answeredKeys: UInt32 = 0
    private var isAnnounced = false

    private var packetsBefore: UInt64 = 0
    private var unansweredKeepalives = 0

    init(remoteAddress: String, remotePort: UInt16, shard: SSHServerShard) {
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.shard = shard
        loginDeadline = shard.loop.now &+ shard.context.configuration.loginGraceTime.nanoseconds
        callbacks = .allocate(capacity: 1)
        callbacks.initialize(to: ssh_server_callbacks_struct())
    }

    deinit { callbacks.deallocate() }

    /// Starts the key exchange over `descriptor`, which is the connection's own whether this succeeds or not.
    func start(_ descriptor: Int32) throws(SSHError) {
        guard let handle = context.library.makeSession(descriptor) else {
            throw SSHError(.resources, "no session can be made")
        }
        let userData = Unmanaged.passUnretained(self).toOpaque()
        guard let peer = libssh_shim_peer_attach(handle, channelOpenArrived, requestArrived, userData) else {
            ssh_free(handle)
            throw SSHError(.resources, "out of memory")
        }
        libssh_shim_peer_set_host_keys(peer, context.library.hostKeyAlgorithms)
        callbacks.pointee.size = MemoryLayout<ssh_server_callbacks_struct>.size
        callbacks.pointee.userdata = userData
        callbacks.pointee.auth_pubkey_function = publicKeyArrived
        callbacks.pointee.auth_none_function = noneArrived
        ssh_set_server_callbacks(handle, callbacks)
        var options = SSHSession.SocketOptions()
        options.notSentLowWater = context.configuration.notSentLowWater
        do {
            // One call sends the greeting; from then on reading does all the rest.
            let session = try SSHSession(taking: handle, peer: peer, loop: loop, options: options) {
                ssh_handle_key_exchange($0)
            }
            session.delegate = self
            self.session = session
        } catch {
            ssh_free(handle)
            libssh_shim_peer_free(peer)
            throw error
        }
    }

    /// Ends the connection; `reason` goes to the log and to the client.
    public func close(reason: String) {
        session?.end(reason, farewell: reason)
    }

    // MARK: Authentication, from inside the library

    fileprivate func noneWasTried() {
        if triedNone { noteFailure("method none") }
        triedNone = true
    }

    /// Called twice for each key: would it do, and here is the proof. Only the second lets anybody in.
    fileprivate func permits(user: String, key: ssh_key, state: ssh_publickey_state_e) -> Bool {
        answeredKeys += 1
        guard state == SSH_PUBLICKEY_STATE_NONE || state == SSH_PUBLICKEY_STATE_VALID else { return false }
        guard failures < context.configuration.maxAuthTries, !isAuthenticated else { return false }
        guard let publicKey = SSHPublicKey(key) else {
            noteFailure("a key that cannot be read")
            return false
        }
        let name = SSHRuntime.printable(user, limit: 64)
        guard context.configuration.permits(user: user) else {
            noteFailure("user \(name) is not allowed, \(publicKey)")
            return false
        }
        switch context.configuration.authorize(user, publicKey, remoteAddress) {
        case .failure(let refusal):
            noteFailure("user \(name), \(publicKey): \(refusal)")
            return false
        case .success(let line):
            guard state == SSH_PUBLICKEY_STATE_VALID else { return true }
            self.user = user
            self.publicKey = publicKey
            authorizedKey = line
            isAuthenticated = true
            return true
        }
    }

    fileprivate func noteFailure(_ what: String) {
        guard !isAuthenticated else { return }
        failures += 1
        log(.info, "authentication refused: \(what)")
        if failures >= context.configuration.maxAuthTries {
            session?.end("too many authentication failures", farewell: "Too many authentication failures")
        }
    }

    fileprivate func requestWasRefused(type: Int32, subtype: Int32) {
        let isKnownMethod = subtype == SSH_AUTH_METHOD_NONE || subtype == SSH_AUTH_METHOD_PUBLICKEY
        guard type == Int32(SSH_REQUEST_AUTH.rawValue), !isKnownMethod else { return }
        noteFailure("a method that is not offered")
    }

    // MARK: Deadlines

    /// Ends a connection that has not logged in by `now`.
    func checkLogin(now: UInt64) {
        guard !isAuthenticated, now >= loginDeadline else { return }
        session?.endNow("no login within the grace time", farewell: "Timeout before authentication")
    }

    /// Asks a silent client for a sign of life, and ends the connection of one that has given none. Any packet is one.
    func checkAlive() {
        guard isAuthenticated, let session else { return }
        if session.packetsReceived != packetsBefore {
            packetsBefore = session.packetsReceived
            unansweredKeepalives = 0
        }
        guard unansweredKeepalives < context.configuration.clientAliveCountMax else {
            return session.endNow("the client has given no sign of life")
        }
        unansweredKeepalives += 1
        session.sendKeepalive()
    }

    // MARK: Log

    func log(_ level: Logger.Level, _ message: @autoclosure () -> String) {
        context.logger.log(
            level: level,
            "\(message())",
            metadata: ["address": "\(remoteAddress)", "port": "\(remotePort)"]
        )
    }
}

extension SSHServerConnection: SSHSessionDelegate {
    func sessionDidProgress(_ session: SSHSession) {
        guard !isAnnounced else { return }
        // libssh answers nothing to a signature that is wrong, and the client would wait for ever.
        if libssh_shim_public_key_requests(session.peer) != answeredKeys {
            return session.end("a signature that does not verify", farewell: "invalid signature")
        }
        guard isAuthenticated else { return }
        isAnnounced = true
        session.isHandshaking = false
        let hostKey = libssh_shim_host_key_algorithm(session.peer).map { String(cString: $0) } ?? ""
        let security = TransportSecurity(session.handle, hostKey: hostKey)
        session.security = security
        shard.didAuthenticate(self)
        let key = publicKey.map { "\($0)" } ?? ""
        log(.info, "accepted user \(SSHRuntime.printable(user, limit: 64)), \(key); \(security)")
    }

    func sessionDidEnd(_ session: SSHSession, reason: String) {
        self.session = nil
        if isAnnounced {
            log(.info, "user \(SSHRuntime.printable(user, limit: 64)), \(keyFingerprint): connection ended: \(reason)")
            context.delegate.connectionDidClose(self)
        } else {
            log(.info, "connection ended before login: \(reason)")
        }
        shard.didEnd(self)
    }
}

extension Duration {
    /// Whole nanoseconds, 0 for a negative duration.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) &* 1_000_000_000 &+ UInt64(attoseconds / 1_000_000_000)
    }
}

// libssh calls these on the loop's thread: free functions, because a closure written in isolated code would trap there.

private func connection(_ userData: UnsafeMutableRawPointer?) -> SSHServerConnection? {
    guard let userData else { return nil }
    return Unmanaged<SSHServerConnection>.fromOpaque(userData).takeUnretainedValue()
}

private let success = Int32(SSH_AUTH_SUCCESS.rawValue)
private let denied = Int32(SSH_AUTH_DENIED.rawValue)

private func noneArrived(
    _: ssh_session?,
    _: UnsafePointer<CChar>?,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    connection(userData)?.noneWasTried()
    return denied
}

private func publicKeyArrived(
    _: ssh_session?,
    _ user: UnsafePointer<CChar>?,
    _ key: ssh_key?,
    _ state: CChar,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let user, let key, let connection = connection(userData) else { return denied }
    let state = ssh_publickey_state_e(rawValue: Int32(state))
    return connection.permits(user: String(cString: user), key: key, state: state) ? success : denied
}

private func requestArrived(
    _: OpaquePointer?,
    _ type: Int32,
    _ subtype: Int32,
    _ userData: UnsafeMutableRawPointer?
) {
    connection(userData)?.requestWasRefused(type: type, subtype: subtype)
}

private func channelOpenArrived(
    _: OpaquePointer?,
    _ message: ssh_message?,
    _ open: UnsafePointer<libssh_shim_open>?,
    _ userData: UnsafeMutableRawPointer?
) {
    guard let message, let open, let connection = connection(userData) else { return }
    connection.answerOpen(message, open)
}
