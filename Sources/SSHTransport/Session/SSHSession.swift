internal import CLibSSH
internal import EventLoops
internal import PacketTunnel

/// Drives one libssh session on an event loop: the part that server and client share.
///
/// Owns the `ssh_session`, its `ssh_event`, its channels and its place on the loop, all used on the loop's thread only.
/// Never blocks. Nothing of the library is freed from inside one of its callbacks: ends and closes are noted there and
/// carried out at the end of the turn.
final class SSHSession: DescriptorHandler {
    let loop: EventLoop
    let handle: ssh_session
    let peer: OpaquePointer
    weak var delegate: (any SSHSessionDelegate)?

    /// Where the session stands between its first byte and its end.
    private(set) var state = SSHSessionState.handshaking
    var channels: [SSHChannel] = []
    /// What the two ends have agreed on, from the login on.
    var security: TransportSecurity?
    var opening: [SSHChannelOpening] = []
    /// Says why the session has ended, where somebody knows better than the end of its descriptor tells.
    var explainEnd: (String) -> String = { $0 }
    /// The round trip to the peer, as keepalives measure it.
    var roundTrip = SSHRoundTrip()

    /// What is known of the connection's path; nil for what is no TCP connection, and before the first turn.
    var path: TransportPath? { pathWatch.path }
    /// Hears of another congestion control, and of one that the kernel does not give.
    var onPathChange: ((PathWatch.Change) -> Void)?
    /// Of a server's client, in text form.
    var peerAddress: String?

    private let event: ssh_event
    let receiver: OpaquePointer
    private var registration: Registration?
    private var isInsideLibrary = false
    private var corkedByteCount = 0
    private var readGate = SSHReadGate()
    private var pathWatch: PathWatch
    /// Input is held because an answer is being prepared elsewhere: the keys of a user are loaded, for instance.
    private(set) var isPaused = false
    private var holdsInput: Bool { readGate.isClosed || isPaused }

    /// Nanoseconds after which a turn takes no more of what has been received: other descriptors wait, and 256 KiB of small
    /// packets are several milliseconds of work.
    private static let turnLimit: UInt64 = 300_000

    /// Requests that are answered during one key exchange: the answers wait for its end.
    private static let questionLimit = 1_000

    /// Two full SSH packets: a super-packet in one send.
    private static let corkedByteLimit = 64 << 10

    /// Takes over a non-blocking session with an open descriptor.
    ///
    /// - Parameters:
    ///   - handle: becomes the session's own; if this throws it stays the caller's, and so does `peer`.
    ///   - peer: what `libssh_shim_peer_attach` gave for it.
    ///   - begin: the call that makes libssh start talking; made once, before the session is watched.
    init(
        taking handle: ssh_session,
        peer: OpaquePointer,
        loop: EventLoop,
        options: SocketOptions = SocketOptions(),
        begin: (ssh_session) -> Void = { _ in }
    ) throws(SSHError) {
        loop.preconditionCurrent()
        guard let event = ssh_event_new() else { throw SSHError(.resources, "out of memory") }
        guard let receiver = libssh_shim_receive_attach(peer) else {
            ssh_event_free(event)
            throw SSHError(.resources, "out of memory")
        }
        self.loop = loop
        self.handle = handle
        self.peer = peer
        self.event = event
        self.receiver = receiver
        pathWatch = PathWatch(
            ssh_get_fd(handle),
            options.congestionControl,
            greatestUnsent: options.notSentLowWater
        )
        prepareSocket(options)
        begin(handle)
        do {
            guard ssh_get_fd(handle) != -1 else {
                let text = SSHRuntime.lastError(of: handle)
                throw SSHError(.connection, SSHEndReason.plain(text, isHandshaking: state.isHandshaking))
            }
            guard ssh_event_add_session(event, handle) == SSH_OK else { throw SSHError(.resources, "out of memory") }
            registration = try loop.register(ssh_get_fd(handle), interest: [.readable, .writable], handler: self)
            if libssh_shim_receive_pending(receiver) > 0 { registration?.callAgain() }
        } catch {
            ssh_event_remove_session(event, handle)
            ssh_event_free(event)
            libssh_shim_receive_detach(receiver)
            throw error as? SSHError ?? SSHError(.resources, "\(error)")
        }
    }

    /// A session that nobody has ended must not take its library state with it unseen.
    deinit { assert(state == .ended || registration == nil, "a session was dropped without end()") }

    // MARK: The turn

    func descriptorIsReady(_ events: DescriptorEvents) {
        guard state != .ended else { return }
        if isPaused, events.contains(.ended) { end("the other side closed the connection") }
        corkedByteCount = 0
        isInsideLibrary = true
        var result: Int32
        libssh_shim_receive_hold(receiver, holdsInput ? LIBSSH_SHIM_HOLD_INPUT : LIBSSH_SHIM_HOLD_NOTHING)
        repeat {
            // Data comes out at `SSHChannel.receive`, by way of `libssh_shim_on_channel_data` (CLibSSH/flow.c); opens come out
            // at the handlers that `libssh_shim_peer_attach` was given.
            result = ssh_event_dopoll(event, 0)
            updateReadGate()
        } while result == SSH_OK && !state.isEnding && !holdsInput && libssh_shim_receive_pending(receiver) > 0
            && loop.timeInTurn < Self.turnLimit
        libssh_shim_receive_hold(receiver, LIBSSH_SHIM_HOLD_NOTHING)
        isInsideLibrary = false
        service()
    }

    /// Stops reading, and gives the peer up in time, while it takes nothing of what its own messages have caused.
    private func updateReadGate() {
        if libssh_shim_questions(peer) > Self.questionLimit { end("too many requests during a key exchange") }
        guard readGate.update(unsent: libssh_shim_unsent(receiver)) else { return }
        let closing = readGate.closings
        loop.scheduleHere(after: SSHReadGate.patience) { [weak self] in
            guard let self, readGate.isClosed, readGate.closings == closing else { return }
            end("the other side asks and takes no answer")
        }
    }

    /// What callbacks have left to do, and what follows from what they saw.
    private func service() {
        roundTrip.answered(repliesReceived, now: loop.now)
        if let change = pathWatch.update(now: loop.now) { onPathChange?(change) }
        noteDeath()
        if !state.isEnding {
            serviceOpenings()
            serviceChannels()
            delegate?.sessionDidProgress(self)
            noteDeath()
        }
        if state.isEnding { finish() } else { updateInterest() }
    }

    private func noteDeath() {
        guard !state.isEnding, libssh_shim_state(peer) & Int32(LIBSSH_SHIM_DEAD) != 0 else { return }
        let reason = SSHEndReason.plain(SSHRuntime.lastError(of: handle), isHandshaking: state.isHandshaking)
        var end = SSHSessionState.End(reason: reason)
        // libssh gives up without a word over a message that it cannot take, and RFC 4252 §6 wants one.
        if ssh_get_fd(handle) != -1 {
            end.disconnectMessage = reason
            end.disconnectCode = UInt32(LIBSSH_SHIM_PROTOCOL_ERROR)
        }
        _ = state.end(end)
    }

    private func updateInterest() {
        var wantsToWrite = libssh_shim_state(peer) & Int32(LIBSSH_SHIM_PENDING) != 0
        // During the key exchange libssh wants to hear of room to write even if it holds nothing back.
        if state.isHandshaking { wantsToWrite = wantsToWrite || ssh_get_poll_flags(handle) & SSH_WRITE_PENDING != 0 }
        guard !holdsInput else {
            registration?.setInterest(wantsToWrite ? .writable : [])
            return
        }
        registration?.setInterest(wantsToWrite ? [.readable, .writable] : .readable)
        // Level-triggered epoll does not see what has been received already.
        if libssh_shim_receive_pending(receiver) > 0 { registration?.callAgain() }
    }

    /// Notes that the peer has logged in.
    func handshakeDidFinish() { state.handshakeDidFinish() }

    /// Stops reading until `resume`. From inside the library, too.
    func pause() { isPaused = true }

    /// Goes on to read, after `body`, which may send.
    func resume(_ body: () -> Void) {
        guard isPaused, state != .ended else { return }
        isPaused = false
        withLibrary(body)
        setNeedsService()
    }

    /// Asks for a turn soon: there is work to do outside of the library.
    func setNeedsService() {
        guard !isInsideLibrary else { return }
        registration?.callAgain()
    }

    // MARK: Calls into the library

    /// Makes a call that may send. Called from outside a turn, it does not read: a write would otherwise run any
    /// callback of the session before it returns.
    @inline(__always)
    func withLibrary<Result>(_ body: () -> Result) -> Result {
        guard !isInsideLibrary else { return body() }
        corkedByteCount = 0
        let result = holding(LIBSSH_SHIM_HOLD_INPUT, body)
        afterCall()
        return result
    }

    @inline(__always)
    private func holding<Result>(_ hold: libssh_shim_hold, _ body: () -> Result) -> Result {
        libssh_shim_receive_hold(receiver, hold)
        isInsideLibrary = true
        let result = body()
        isInsideLibrary = false
        libssh_shim_receive_hold(receiver, LIBSSH_SHIM_HOLD_NOTHING)
        return result
    }

    /// Makes a call that sends one message, and lets it wait for others until the loop's next turn, or until
    /// there is a full send of them.
    ///
    /// - Parameter bytes: about what the message takes on the wire.
    @inline(__always)
    func corking<Result>(_ bytes: Int, _ body: () -> Result) -> Result {
        guard !isInsideLibrary else { return body() }
        if corkedByteCount == 0 { registration?.callAgain() }
        corkedByteCount += bytes
        guard corkedByteCount < Self.corkedByteLimit else { return withLibrary(body) }
        return holding(LIBSSH_SHIM_HOLD_BOTH, body)
    }

    /// True while output is pending only because it waits for more.
    var isCorked: Bool { corkedByteCount > 0 }

    /// True if what is sent now leaves at once, or is held back only to travel with more.
    var takesOutput: Bool {
        let state = libssh_shim_state(peer)
        return state == 0 || (state == Int32(LIBSSH_SHIM_PENDING) && isCorked)
    }

    /// A failed send closes the socket and still counts as success, and epoll is silent from then on.
    private func afterCall() {
        let state = libssh_shim_state(peer)
        if state & Int32(LIBSSH_SHIM_DEAD) != 0 {
            registration?.callAgain()
        } else if state & Int32(LIBSSH_SHIM_PENDING) != 0, !holdsInput {
            registration?.setInterest([.readable, .writable])
        }
    }

    // MARK: The end

    /// Ends the session in this turn or the next. Idempotent: the first reason counts.
    ///
    /// - Parameter disconnectMessage: told to the peer, if the connection still carries it.
    func end(_ reason: String, disconnectMessage: String? = nil) {
        guard state.end(SSHSessionState.End(reason: reason, disconnectMessage: disconnectMessage)) else { return }
        setNeedsService()
    }

    /// Ends the session before this returns. Not from inside a callback of the library.
    func endNow(_ reason: String, disconnectMessage: String? = nil) {
        precondition(!isInsideLibrary, "libssh cannot be freed by its own callback")
        end(reason, disconnectMessage: disconnectMessage)
        finish()
    }

    private func finish() {
        guard let end = state.finish() else { return }
        let reason = explainEnd(end.reason)
        isInsideLibrary = true
        libssh_shim_receive_hold(receiver, LIBSSH_SHIM_HOLD_INPUT)
        // The kernel has forgotten a descriptor that libssh closed, and its number may be another file's by now.
        registration?.cancel(descriptorIsClosed: ssh_get_fd(handle) == -1)
        registration = nil
        // libssh sends only after it has seen room to write.
        if end.disconnectMessage != nil { ssh_event_dopoll(event, 0) }
        ssh_event_remove_session(event, handle)
        ssh_event_free(event)
        // Frees the library's channels.
        if let message = end.disconnectMessage {
            libssh_shim_disconnect(handle, end.disconnectCode ?? UInt32(LIBSSH_SHIM_BY_APPLICATION), message)
        } else {
            ssh_disconnect(handle)
        }
        libssh_shim_receive_detach(receiver)
        ssh_free(handle)
        libssh_shim_peer_free(peer)
        isInsideLibrary = false
        let channels = channels
        let opening = opening
        self.channels = []
        self.opening = []
        for channel in channels { channel.sessionDidEnd(reason: reason) }
        for open in opening { open.fail(SSHError(.connection, reason)) }
        delegate?.sessionDidEnd(self, reason: reason)
    }
}
