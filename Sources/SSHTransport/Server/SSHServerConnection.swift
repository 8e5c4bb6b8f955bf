internal import CLibSSH
public import EventLoops
internal import Logging
public import PacketTunnel

/// One client's connection to a server, from the first byte to the last.
///
/// Belongs to its loop, on whose thread alone it may be used; `LoopBound` carries it there from elsewhere.
public final class SSHServerConnection {
    /// The loop that owns the connection and its channels.
    public var loop: EventLoop { worker.loop }
    /// The client's address in text form, without port.
    public let remoteAddress: String
    /// The client's port.
    public let remotePort: UInt16
    /// The user who has logged in; empty before.
    public internal(set) var user = ""
    /// The key of the login.
    public internal(set) var publicKey: SSHPublicKey?
    /// The line of `authorized_keys` that let the key in, with its restrictions.
    public internal(set) var authorizedKey: AuthorizedKey?

    /// Commands whose answers it has not taken.
    let pendingCommands = PendingCommands()
    /// `SHA256:…` of the key of the login, as OpenSSH prints it.
    public var keyFingerprint: String { publicKey?.fingerprint ?? "" }

    /// What the two ends have agreed on, from the login on.
    public var security: TransportSecurity? { session?.security }

    /// Open channels, `session` ones included.
    public var channels: [SSHChannel] { session?.channels ?? [] }

    let worker: SSHServerWorker
    /// Held until the login.
    let place: SSHServerPlace
    /// What the connection has done that is to be held against where it came from.
    var offence: SSHServerPenalties.Offence? = .noAuthentication
    var context: SSHServerContext { worker.context }
    private(set) var session: SSHSession?
    var isAuthenticated = false
    /// The loop's time by which the client has to be authenticated.
    let loginDeadline: UInt64

    /// What a client may send before it has logged in.
    private static let packetLimit = 2_000
    private static let byteLimit = 1 << 20

    private let callbacks: UnsafeMutablePointer<ssh_server_callbacks_struct>
    var failures = 0
    var triedNone = false
    var answeredKeys: UInt32 = 0
    var refusedCertificates: UInt32 = 0
    /// What `loadKeys` has found for the user that the client claims to be.
    var loaded: (user: String, check: SSHServerConfiguration.KeyCheck)?
    /// Rounds of `checkKey` in a row that have refused the key.
    var keyRefusals = 0
    private var isAnnounced = false
    /// Channels when it was last looked whether there is a tunnel, and what was seen.
    private var knownChannelCount = 0
    private var hasTunnel = false

    private var packetsBefore: UInt64 = 0
    private var unansweredKeepalives = 0

    init(remoteAddress: String, remotePort: UInt16, place: SSHServerPlace, worker: SSHServerWorker) {
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.place = place
        self.worker = worker
        loginDeadline = worker.loop.now &+ worker.context.configuration.loginGraceTime.nanoseconds
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
        if context.configuration.loadKeys != nil { libssh_shim_defer_logins(peer, loginArrived) }
        callbacks.pointee.size = MemoryLayout<ssh_server_callbacks_struct>.size
        callbacks.pointee.userdata = userData
        callbacks.pointee.auth_pubkey_function = publicKeyArrived
        callbacks.pointee.auth_none_function = noneArrived
        ssh_set_server_callbacks(handle, callbacks)
        var options = SSHSession.SocketOptions()
        options.notSentLowWater = context.configuration.notSentLowWater
        options.congestionControl = context.configuration.congestionControl
        do {
            // One call sends the greeting; from then on reading does all the rest.
            let session = try SSHSession(taking: handle, peer: peer, loop: loop, options: options) {
                ssh_handle_key_exchange($0)
            }
            session.delegate = self
            session.peerAddress = remoteAddress
            session.onPathChange = { [weak self] in self?.pathDidChange($0) }
            self.session = session
        } catch {
            ssh_free(handle)
            libssh_shim_peer_free(peer)
            throw error
        }
    }

    /// Ends the connection; `reason` goes to the log and to the client.
    public func close(reason: String) {
        session?.end(reason, disconnectMessage: reason)
    }

    // MARK: Deadlines

    /// Ends a connection that has not logged in by `now`.
    func checkLogin(now: UInt64) {
        guard !isAuthenticated, now >= loginDeadline else { return }
        if failures == 0 { offence = .graceExceeded }
        session?.endNow("no login within the grace time", disconnectMessage: "Timeout before authentication")
    }

    /// Another connection has been given the place. That is nobody's fault: many may share an address.
    func wasDisplaced() {
        guard !isAuthenticated, let session else { return }
        if failures == 0 { offence = nil }
        session.endNow(
            "its place was needed for another address",
            disconnectMessage: "Too many unauthenticated connections"
        )
    }

    /// Asks a silent client for a sign of life, and ends the connection of one that has given none. Any packet is one.
    func checkAlive() {
        guard isAuthenticated, let session else { return }
        if session.packetsReceived != packetsBefore {
            packetsBefore = session.packetsReceived
            unansweredKeepalives = 0
        }
        let limit = context.configuration.clientAliveCountMax
        guard limit == 0 || unansweredKeepalives < limit else {
            return session.endNow("the client has given no sign of life")
        }
        unansweredKeepalives += 1
        session.sendKeepalive()
    }
}

extension SSHServerConnection: SSHSessionDelegate {
    func sessionDidProgress(_ session: SSHSession) {
        guard !isAnnounced else { return noteChannels(session) }
        // libssh answers nothing to a signature that is wrong, and the client would wait for ever.
        if libssh_shim_public_key_requests(session.peer) != answeredKeys {
            return session.end("a signature that does not verify", disconnectMessage: "invalid signature")
        }
        guard isAuthenticated else { return checkAmount(session) }
        isAnnounced = true
        session.handshakeDidFinish()
        let hostKey = libssh_shim_host_key_algorithm(session.peer).map { String(cString: $0) } ?? ""
        let security = TransportSecurity(session.handle, hostKey: hostKey)
        session.security = security
        worker.didAuthenticate(self)
        noteIdle(isNew: true)
        log(.info, "login accepted", identification.merging(["security": "\(security)"]) { $1 })
    }

    /// Counts the connection among those of its key that have no tunnel, or among the others.
    private func noteChannels(_ session: SSHSession) {
        guard session.channels.count != knownChannelCount else { return }
        knownChannelCount = session.channels.count
        let hasTunnel = session.channels.contains { $0.type != "session" }
        guard hasTunnel != self.hasTunnel else { return }
        self.hasTunnel = hasTunnel
        if hasTunnel {
            context.shares.leftIdle(keyFingerprint, ObjectIdentifier(self), isOver: false)
        } else {
            noteIdle(isNew: false)
        }
    }

    private func noteIdle(isNew: Bool) {
        let id = ObjectIdentifier(self)
        let connection = WeakLoopBound(self, on: loop)
        context.shares.becameIdle(keyFingerprint, id, isNew: isNew, now: loop.now) {
            connection.execute { $0.close(reason: "too many connections of this key without a tunnel") }
        }
    }

    /// A login takes some dozens of messages, a few more for each key that is offered.
    private func checkAmount(_ session: SSHSession) {
        guard session.packetsReceived > Self.packetLimit || session.bytesReceived > Self.byteLimit else { return }
        session.end("too many messages before login", disconnectMessage: "Too many messages before authentication")
    }

    func sessionDidEnd(_ session: SSHSession, reason: String) {
        self.session = nil
        if isAnnounced {
            log(.info, "connection ended", identification.merging(["reason": "\(reason)"]) { $1 })
            context.shares.leftIdle(keyFingerprint, ObjectIdentifier(self), isOver: true)
            context.delegate.connectionDidClose(self)
        } else {
            logRefusal("connection ended before login", reason: reason)
        }
        worker.didEnd(self)
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

private func loginArrived(_ name: UnsafePointer<CChar>?, _ userData: UnsafeMutableRawPointer?) -> Bool {
    guard let name, let connection = connection(userData) else { return true }
    return connection.hasKeys(of: String(cString: name))
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
