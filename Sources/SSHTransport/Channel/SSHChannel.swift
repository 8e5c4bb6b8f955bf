internal import CLibSSH
internal import EventLoops
public import PacketTunnel

/// One channel of an SSH session as a transport for packets.
///
/// Belongs to its session's loop, on whose thread alone it may be used; it is `Sendable` so that closures posted to
/// that loop may carry it. It takes arriving data out of the library at once and never holds output back: when the
/// kernel or the peer takes no more, `writableByteCount` is 0 until `transportDidBecomeWritable`.
public final class SSHChannel: PacketTransport, @unchecked Sendable {  // used on its loop alone
    /// The type it was opened with, for example `tun@psiphon.ca`.
    public let type: String

    /// What followed the standard fields of the peer's open (RFC 4254 §5.1); empty for a channel of our own.
    public internal(set) var openPayload: [UInt8] = []

    /// Variables the peer has sent for this channel, by name. At most 16.
    public internal(set) var environment: [String: String] = [:]

    /// The object that hears of arriving bytes. A receiver may set another one and pass the bytes it was given on to it.
    public private(set) var receiver: (any PacketTransportReceiver)?

    /// Answers what the peer asks of the channel; false is a refusal. From inside the library: only note things here.
    var requestHandler: ((SSHChannelRequest) -> Bool)?

    /// Where the channel stands between its open and its end. Its events call nothing, so that no two accesses overlap; each
    /// message is spared the check for that.
    @exclusivity(unchecked) private(set) var state = SSHChannelState.open

    /// Whether the peer's end of file ends the channel.
    var closesAtEndOfFile: Bool

    private let carriesDatagrams: Bool
    /// Bytes that may be granted before the peer is told so.
    private let grantStep: Int
    private var ungranted = 0
    /// Where the peer is OpenSSH and each message a datagram.
    var sendWindow: OpenSSHSendWindow?
    /// A turn is due when the send window's patience is over.
    var isWatchingSendWindow = false
    /// The first keepalive has been sent, by which the round trip is measured.
    var hasMeasured = false
    let session: SSHSession
    private let handle: ssh_channel
    /// What the shim keeps for the channel.
    let watched: OpaquePointer
    private let callbacks: UnsafeMutablePointer<ssh_channel_callbacks_struct>
    private let messageSize: Int

    /// Data has come in this turn: `transportDidFinishReceiving` is due.
    private var hasReceived = false
    /// `transportDidBecomeWritable` is due as soon as it is true.
    private var waitsToWrite = false
    /// What the receiver is told of an end that this side has decided.
    private var closeReason = ""
    /// Sent before the close, for a channel that ran a command.
    private var exitStatus: Int32?

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

    /// Where the client of a server's session is; nil for a client's own session.
    public var peerAddress: String? { session.peerAddress }

    /// What the kernel has measured of the session's connection; nil over a proxy command or a jump host.
    public var path: TransportPath? { session.path }

    /// A full SSH packet of the library: what the peer announced, less 10. 32,758 with all common peers.
    public var preferredWriteSize: Int { min(messageSize, 32_758) }

    /// Bytes that `write` takes now.
    ///
    /// 0 while the kernel has not taken earlier output, and during a key exchange. On a channel that carries datagrams
    /// also while a message of any size might not fit.
    public var writableByteCount: Int { sendWindow?.isOpen == false ? 0 : room }

    /// The same, as far as the session and the peer's own window let through.
    private var room: Int {
        guard !state.isEnding, session.takesOutput else { return 0 }
        let window = Int(libssh_shim_channel_window(watched))
        guard carriesDatagrams else { return window }
        return window < preferredWriteSize ? 0 : preferredWriteSize
    }

    /// Has `transportDidBecomeWritable` called at the end of a turn in which `writableByteCount` is not 0.
    public func notifyWhenWritable() {
        waitsToWrite = true
        if writableByteCount > 0 { session.setNeedsService() }
    }

    /// Sends `bytes`; one message if they are no more than `preferredWriteSize`.
    public func write(_ bytes: RawSpan) -> Int {
        // The send window is left out: the caller has asked it by `writableByteCount`, and one datagram more does no harm.
        let room = room
        guard room >= (carriesDatagrams ? bytes.byteCount : 1), bytes.byteCount > 0 else {
            waitsToWrite = true
            return 0
        }
        let length = UInt32(min(room, bytes.byteCount))
        let morePerhapsFollows = carriesDatagrams || bytes.byteCount >= preferredWriteSize
        let written = bytes.withUnsafeBytes { bytes in
            // 64: what SSH puts around a message, at most.
            morePerhapsFollows
                ? session.corking(Int(length) + 64) {
                    libssh_shim_channel_write(watched, bytes.baseAddress, length)
                } : session.withLibrary { libssh_shim_channel_write(watched, bytes.baseAddress, length) }
        }
        if written < bytes.byteCount { waitsToWrite = true }
        guard written > 0 else { return 0 }
        noteSent(Int(written))
        return Int(written)
    }

    /// Names the receiver; may be called again. Bytes that arrive while there is none are dropped.
    public func setReceiver(_ receiver: any PacketTransportReceiver) {
        self.receiver = receiver
    }

    /// Lets the peer send so many bytes more, on a channel that grants by hand: what has come has gone on.
    func grant(_ bytes: Int) {
        ungranted += bytes
        guard ungranted >= grantStep, !state.isEnding else { return }
        let granted = UInt32(ungranted)
        ungranted = 0
        _ = session.withLibrary { libssh_shim_channel_grant(watched, granted) }
    }

    /// Ends the channel, not its session.
    public func close() { close(reason: "closed") }

    /// Ends the channel; `reason` is what its receiver is told.
    public func close(reason: String) {
        guard state.close() else { return }
        closeReason = reason
        session.setNeedsService()
    }

    /// Ends a channel that ran a command: exit status, end of file, close.
    func exit(status: Int32) {
        exitStatus = status
        close(reason: "the command has ended")
    }

    /// Ends the channel and its session, and tells the peer why. A session with other channels goes on: what the peer does there
    /// shows that it knows.
    public func close(telling reason: String) {
        let isOnlyOne = !session.channels.contains { $0 !== self && !$0.state.isEnding }
        guard isOnlyOne else { return close(reason: reason) }
        session.end(reason, disconnectMessage: reason)
    }

    // MARK: From the library

    @inline(__always)
    func receive(_ bytes: UnsafeMutableRawBufferPointer) {
        guard !state.isEnding, let receiver else { return }
        hasReceived = true
        var span = bytes.mutableBytes
        receiver.transportDidReceive(&span)
    }

    /// Delivers what came in the same turn as the peer's confirmation, and lies in the library. Datagrams have lost
    /// their boundaries there, and are dropped.
    func takeEarlyData() {
        var buffer = [UInt8](repeating: 0, count: 32_768)
        while !state.isEnding {
            let count = session.withLibrary { ssh_channel_read_nonblocking(handle, &buffer, UInt32(buffer.count), 0) }
            guard count > 0 else { return }
            guard !carriesDatagrams else { continue }
            buffer.withUnsafeMutableBytes { receive(UnsafeMutableRawBufferPointer(rebasing: $0[..<Int(count)])) }
        }
    }

    func peerDidEnd() { state.peerDidEnd() }
    func peerDidClose() { state.peerDidClose() }

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
        answerPeersEnd()
        if case .closing = state { sendClose() }
        if state == .finished { free() }
        if waitsToWrite, writableByteCount > 0 {
            waitsToWrite = false
            receiver?.transportDidBecomeWritable()
        }
    }

    /// A peer that has closed, or has nothing more to say, ends the channel.
    private func answerPeersEnd() {
        let reason: String
        switch state {
        case .peerClosed: reason = "the other side closed the channel"
        case .peerEnded where closesAtEndOfFile: reason = "the other side ended the channel"
        default: return
        }
        if state.close() { closeReason = reason }
    }

    private func sendClose() {
        state.didSendClose()
        session.withLibrary {
            if let exitStatus { ssh_channel_request_send_exit_status(handle, exitStatus) }
            // With output pending the first call sends the end of file only.
            if ssh_channel_close(handle) == SSH_AGAIN { ssh_channel_close(handle) }
        }
        tellReceiver(closeReason)
    }

    private func free() {
        state.didFree()
        requestHandler = nil
        // libssh 0.10 calls a freed channel back until the peer has closed it too: hence not before.
        ssh_remove_channel_callbacks(handle, callbacks)
        libssh_shim_channel_forget(session.peer, watched)
        session.withLibrary { ssh_channel_free(handle) }
    }

    /// The session is gone, and the library's channel with it.
    func sessionDidEnd(reason: String) {
        let isDecided = state.isEnding
        requestHandler = nil
        if state.sessionDidEnd() { tellReceiver(isDecided ? closeReason : reason) }
    }

    private func tellReceiver(_ reason: String) {
        let receiver = receiver
        self.receiver = nil
        receiver?.transportDidClose(reason: reason)
    }
}
