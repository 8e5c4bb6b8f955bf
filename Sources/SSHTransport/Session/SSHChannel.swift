internal import CLibSSH
internal import EventLoops
public import PacketTunnel

/// One channel of an SSH session as a transport for packets.
///
/// Belongs to its session's loop, on whose thread alone it may be used; it is `Sendable` so that closures posted to
/// that loop may carry it. It takes arriving data out of the library at once and never holds output back: when the
/// kernel or the peer takes no more, `writableByteCount` is 0 until `transportDidBecomeWritable`.
public final class SSHChannel: PacketTransport, @unchecked Sendable {
    /// The type it was opened with, for example `tun@psiphon.ca`.
    public let type: String

    /// What followed the standard fields of the peer's open (RFC 4254 §5.1); empty for a channel of our own.
    public internal(set) var openPayload: [UInt8] = []

    /// Variables the peer has sent for this channel, by name. At most 16.
    public internal(set) var environment: [String: String] = [:]

    /// Who hears of arriving bytes. A receiver may pass the bytes it is given on to the one it has just set.
    public private(set) var receiver: (any PacketTransportReceiver)?

    /// Answers what the peer asks of the channel; false is a refusal. From inside the library: only note things here.
    var requestHandler: ((SSHChannelRequest) -> Bool)?

    /// The channel has ended on both sides, or with its session.
    private(set) var isGone = false

    /// Whether the peer's end of file ends the channel.
    var closesAtEndOfFile: Bool

    private let carriesDatagrams: Bool
    /// Bytes that may be granted before the peer is told so.
    private let grantStep: Int
    private var ungranted = 0
    /// Where the peer is OpenSSH and each message a datagram.
    private var sendWindow: OpenSSHSendWindow?
    private var isWatchingSendWindow = false
    private var hasMeasured = false
    let session: SSHSession
    private let handle: ssh_channel
    private let watched: OpaquePointer
    private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>
    private let messageSize: Int

    private var hasReceived = false
    private var isBlocked = false
    private var isClosed = false
    private var closeReason: String?
    private var exitStatus: Int32?
    private var peerHasEnded = false
    private var peerHasClosed = false

    init(
        handle: ssh_channel,
        watched: OpaquePointer,
        type: String,
        options: SSHChannelOptions,
        session: SSHSession
    ) {
        self.handle = handle
        self.watched = watched
        self.type = type
        carriesDatagrams = options.carriesDatagrams
        grantStep = max(1, Int(options.extraReceiveWindow / 8))
        closesAtEndOfFile = options.closesAtEndOfFile
        self.session = session
        messageSize = Int(libssh_shim_channel_message_size(watched))
        callbacks = .allocate(capacity: 1)
        callbacks.initialize(to: ssh_channel_callbacks_struct())
        SSHChannelCallbacks.install(callbacks, for: self)
        ssh_set_channel_callbacks(handle, callbacks)
        if options.carriesDatagrams && session.peerIsOpenSSH { sendWindow = OpenSSHSendWindow() }
        if options.extraReceiveWindow > 0 { SSHChannelCallbacks.takeData(of: watched, for: self, options) }
    }

    deinit { callbacks.deallocate() }

    // MARK: PacketTransport

    /// The session's loop.
    public var loop: any PacketLoop { session.loop }

    /// What the session's two ends have agreed on.
    public var security: TransportSecurity? { session.security }

    /// What the kernel has measured of the session's connection; nil over a proxy command or a jump host.
    public var path: TransportPath? { session.path }

    /// A full SSH packet of the library: what the peer announced, less 10. 32,758 with all common peers.
    public var preferredWriteSize: Int { min(messageSize, 32_758) }

    /// Bytes that `write` takes now.
    ///
    /// 0 while the kernel has not taken earlier output, and during a key exchange. On a channel that carries datagrams
    /// also while a message of any size might not fit.
    public var writableByteCount: Int { sendWindow?.isOpen == false ? blocked() : room }

    /// The same, as far as the session and the peer's own window let through.
    private var room: Int {
        guard !isEnding, sessionTakesOutput else { return blocked() }
        let window = Int(libssh_shim_channel_window(watched))
        if carriesDatagrams {
            return window < preferredWriteSize ? blocked() : preferredWriteSize
        }
        return window == 0 ? blocked() : window
    }

    private var sessionTakesOutput: Bool {
        let state = libssh_shim_state(session.peer)
        return state == 0 || (state == Int32(LIBSSH_SHIM_PENDING) && session.isGathering)
    }

    /// Tells the send window what has happened, and has the peer say something while it is closed, in case nothing else does.
    private func serviceSendWindow() {
        guard sendWindow != nil else { return }
        sendWindow?.didGrant(total: libssh_shim_channel_granted(watched))
        sendWindow?.didAnswer(session.repliesReceived, now: session.loop.now)
        sendWindow?.didMeasure(roundTrip: session.roundTrip.shortest)
        if sendWindow?.timePassed(now: session.loop.now) == true { libssh_shim_channel_is_not_charged(watched) }
        if !hasMeasured {
            // Before anything else is sent, so that nothing of ours is in the way of the first answer.
            hasMeasured = true
            session.sendKeepalive()
        }
        guard sendWindow?.isOpen == false else { return }
        libssh_shim_acknowledge(ssh_get_fd(session.handle))
        if sendWindow?.needsRequest == true {
            session.sendKeepalive()
            sendWindow?.didRequest(session.roundTrip.requests)
        }
        guard !isWatchingSendWindow else { return }
        isWatchingSendWindow = true
        session.loop.schedule(after: OpenSSHSendWindow.patience) { [weak self] in
            self?.isWatchingSendWindow = false
            self?.session.setNeedsService()
        }
    }

    private var isEnding: Bool { isClosed || closeReason != nil || isGone }

    private func blocked() -> Int {
        isBlocked = true
        return 0
    }

    /// Sends `bytes`; one message if they are no more than `preferredWriteSize`.
    public func write(_ bytes: RawSpan) -> Int {
        // Whoever asked for `writableByteCount` has asked the send window; one datagram more does no harm.
        let room = room
        guard room > 0, bytes.byteCount > 0 else { return 0 }
        guard room >= bytes.byteCount || !carriesDatagrams else { return blocked() }
        let length = UInt32(min(room, bytes.byteCount))
        let morePerhapsFollows = carriesDatagrams || bytes.byteCount >= preferredWriteSize
        let written = bytes.withUnsafeBytes { bytes in
            // 64: what SSH puts around a message, at most.
            morePerhapsFollows
                ? session.gathering(Int(length) + 64) {
                    libssh_shim_channel_write(watched, bytes.baseAddress, length)
                } : session.withLibrary { libssh_shim_channel_write(watched, bytes.baseAddress, length) }
        }
        if written < bytes.byteCount { isBlocked = true }
        guard written > 0 else { return 0 }
        noteSent(Int(written))
        return Int(written)
    }

    @inline(__always)
    private func noteSent(_ byteCount: Int) {
        guard sendWindow != nil else { return }
        sendWindow?.didSend(byteCount)
        if sendWindow?.surcharge != .refuted { libssh_shim_channel_sent_datagram(watched) }
        if sendWindow?.isOpen == false { session.setNeedsService() }
    }

    /// Names the receiver; may be called again. Bytes that arrive while there is none are dropped.
    public func setReceiver(_ receiver: any PacketTransportReceiver) {
        self.receiver = receiver
    }

    /// Lets the peer send so many bytes more, on a channel that grants by hand: what has come has gone on.
    func grant(_ bytes: Int) {
        ungranted += bytes
        guard ungranted >= grantStep, !isEnding else { return }
        let granted = UInt32(ungranted)
        ungranted = 0
        _ = session.withLibrary { libssh_shim_channel_grant(watched, granted) }
    }

    /// Ends the channel, not its session.
    public func close() { close(reason: "closed") }

    /// Ends the channel; `reason` is what its receiver is told.
    public func close(reason: String) {
        guard !isEnding else { return }
        closeReason = reason
        session.setNeedsService()
    }

    /// Ends a channel that ran a command: exit status, end of file, close.
    func exit(status: Int32) {
        exitStatus = status
        close(reason: "the command has ended")
    }

    /// Has `transportDidBecomeWritable` called at the end of this turn, or when it is true again.
    func setWaitsToWrite() {
        isBlocked = true
        session.setNeedsService()
    }

    /// Ends the channel and its session, and tells the peer why. A session that has other channels goes on: what the peer does
    /// there shows that it knows.
    public func close(telling reason: String) {
        guard !session.channels.contains(where: { $0 !== self && !$0.isEnding }) else { return close(reason: reason) }
        session.end(reason, farewell: reason)
    }

    // MARK: From the library

    @inline(__always)
    func receive(_ bytes: UnsafeMutableRawBufferPointer) {
        guard !isEnding, let receiver else { return }
        hasReceived = true
        var span = bytes.mutableBytes
        receiver.transportDidReceive(&span)
    }

    /// Hands over what came in the same turn as the peer's confirmation, and lies in the library. Datagrams have lost
    /// their boundaries there, and are dropped.
    func takeEarlyData() {
        var buffer = [UInt8](repeating: 0, count: 32_768)
        while !isEnding {
            let count = session.withLibrary { ssh_channel_read_nonblocking(handle, &buffer, UInt32(buffer.count), 0) }
            guard count > 0 else { return }
            guard !carriesDatagrams else { continue }
            buffer.withUnsafeMutableBytes { receive(UnsafeMutableRawBufferPointer(rebasing: $0[..<Int(count)])) }
        }
    }

    func peerDidEnd() { peerHasEnded = true }
    func peerDidClose() { peerHasClosed = true }

    func handle(_ request: SSHChannelRequest) -> Bool {
        if case .environment(let name, let value) = request {
            guard environment.count < 16 || environment[name] != nil else { return false }
            environment[name] = value
        }
        return requestHandler?(request) ?? false
    }

    // MARK: At the end of a turn

    func service() {
        serviceSendWindow()
        if hasReceived {
            hasReceived = false
            receiver?.transportDidFinishReceiving()
        }
        if peerHasClosed, closeReason == nil { closeReason = "the other side closed the channel" }
        if peerHasEnded, closesAtEndOfFile, closeReason == nil {
            closeReason = "the other side ended the channel"
        }
        if let closeReason, !isClosed { closeLocally(closeReason) }
        if isClosed, peerHasClosed, !isGone { free() }
        if isBlocked, !isEnding, writableByteCount > 0 {
            isBlocked = false
            receiver?.transportDidBecomeWritable()
        }
    }

    private func closeLocally(_ reason: String) {
        isClosed = true
        session.withLibrary {
            if let exitStatus { ssh_channel_request_send_exit_status(handle, exitStatus) }
            // With output pending the first call sends the end of file only.
            if ssh_channel_close(handle) == SSH_AGAIN { ssh_channel_close(handle) }
        }
        tellReceiver(reason)
    }

    private func free() {
        isGone = true
        requestHandler = nil
        // libssh 0.10 calls a freed channel back until the peer has closed it too: hence not before.
        ssh_remove_channel_callbacks(handle, callbacks)
        libssh_shim_channel_forget(session.peer, watched)
        session.withLibrary { ssh_channel_free(handle) }
    }

    /// The session is gone, and the library's channel with it.
    func sessionDidEnd(reason: String) {
        isGone = true
        requestHandler = nil
        if !isClosed {
            isClosed = true
            tellReceiver(closeReason ?? reason)
        }
    }

    private func tellReceiver(_ reason: String) {
        let receiver = receiver
        self.receiver = nil
        receiver?.transportDidClose(reason: reason)
    }

    // MARK: Requests to the peer

    /// Sends an environment variable (RFC 4254 §6.4), without asking whether the peer wants it. 900 bytes at most.
    public func sendEnvironment(_ name: String, _ value: String) {
        guard !isEnding else { return }
        let payload = Self.encode(name) + Self.encode(value)
        _ = session.withLibrary { libssh_shim_channel_request(watched, "env", payload, payload.count) }
    }

    /// Has the peer run a command (RFC 4254 §6.5), without asking whether it does.
    func sendExecute(_ command: String) {
        guard !isEnding else { return }
        let payload = Self.encode(command)
        _ = session.withLibrary { libssh_shim_channel_request(watched, "exec", payload, payload.count) }
    }

    /// The string of RFC 4251 §5: a 32-bit length, and bytes.
    private static func encode(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
    }
}
