public import EventLoops
internal import Glibc
public import PacketTunnel

/// A channel type to ask for, and what goes with it.
public struct SSHTunnelOffer: Sendable {
    /// The channel type.
    public let type: String
    /// What follows the standard fields of the open request (RFC 4254 §5.1).
    public let payload: [UInt8]
    /// How much may be on its way, and whether messages have boundaries.
    public let options: SSHChannelOptions
    /// Whether the session's name is sent on the channel; stock OpenSSH has no use for it.
    public let sendsSessionName: Bool

    /// Any type of channel.
    public init(type: String, payload: [UInt8], options: SSHChannelOptions, sendsSessionName: Bool) {
        self.type = type
        self.payload = payload
        self.options = options
        self.sendsSessionName = sendsSessionName
    }

    /// The type that carries `framing`.
    ///
    /// - Parameter unit: for `tun@openssh.com`, the device wanted on the other side; nil: any.
    public init(_ framing: ChannelFraming, unit: UInt32? = nil) {
        // Mode 1 is layer 3; the highest number but one bit means "any" (OpenSSH's PROTOCOL, section 2.3).
        let words: [UInt32] = framing == .openSSH ? [1, unit ?? 0x7fff_ffff] : []
        self.init(
            type: framing.channelType,
            payload: words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } },
            options: SSHChannelOptions(for: framing),
            sendsSessionName: framing != .openSSH
        )
    }
}

/// An open tunnel channel, alone on its connection: when one of them ends, so does the other.
///
/// Belongs to the loop it was opened on. Kept alive by the connection itself until that is over.
public final class SSHClientTunnel: SSHSessionDelegate, @unchecked Sendable {  // used on its loop alone
    /// The transport.
    public let channel: SSHChannel
    /// The channel type that the server has accepted.
    public var type: String { channel.type }
    /// Called on the loop when the connection is over and all its resources are released, after the receiver's
    /// `transportDidClose`. Set it in `whenOpen`, or on the loop.
    public var onEnd: ((_ reason: String) -> Void)?

    /// True when the whole connection is over, and not its channel alone. On the loop.
    var hasEnded: Bool { session.state == .ended }

    let session: SSHSession
    let link: (any ConnectionLink)?
    private let aliveInterval: UInt64
    private let aliveCountMax: Int
    private var aliveTimer: (any ScheduledWork)?
    private var packetsSeen: UInt64 = 0
    private var silentIntervals = 0
    /// Nobody else has to hold the tunnel while it works.
    private var ownReference: SSHClientTunnel?

    init(
        channel: SSHChannel,
        session: SSHSession,
        aliveInterval: Int,
        aliveCountMax: Int,
        link: (any ConnectionLink)?
    ) {
        self.channel = channel
        self.session = session
        self.link = link
        self.aliveInterval = UInt64(aliveInterval) * 1_000_000_000
        self.aliveCountMax = aliveCountMax
        ownReference = self
        session.delegate = self
        scheduleAliveCheck()
    }

    /// Ends channel and connection, and tells the server so. From any thread; idempotent. `onEnd` follows: the loop has to
    /// run until then.
    public func close() {
        session.loop.execute { self.session.end("closed", disconnectMessage: "closed by the client") }
    }

    // MARK: Sign of life

    private func scheduleAliveCheck() {
        guard aliveInterval > 0 else { return }
        packetsSeen = session.packetsReceived
        aliveTimer = session.loop.schedule(after: aliveInterval) { [weak self] in self?.checkAlive() }
    }

    /// Any packet proves that the server lives; it is asked for one only after an interval without.
    private func checkAlive() {
        guard session.state != .ended else { return }
        if session.packetsReceived != packetsSeen {
            silentIntervals = 0
        } else if silentIntervals >= aliveCountMax {
            let silence = Duration.nanoseconds(UInt64(silentIntervals + 1) * aliveInterval)
            return session.end("the server has not answered for \(ShortDuration(silence))")
        } else {
            silentIntervals += 1
            session.sendKeepalive()
        }
        scheduleAliveCheck()
    }

    // MARK: SSHSessionDelegate

    func sessionDidProgress(_ session: SSHSession) {
        if channel.state == .gone { session.end("the tunnel has ended") }
    }

    func sessionDidEnd(_ session: SSHSession, reason: String) {
        aliveTimer?.cancel()
        link?.close()
        onEnd?(reason)
        onEnd = nil
        ownReference = nil
    }
}

extension SSHClient {
    /// Hands the connection to `loop` and opens a tunnel on it: with the first of `offers` that the server accepts.
    ///
    /// Blocks the calling thread, which must not be the loop's, until the tunnel is open or will not be. On failure the
    /// connection is closed.
    ///
    /// - Parameters:
    ///   - offers: in order of preference. A refused one makes way for the next.
    ///   - sessionName: sent as `SessionIdentity.nameVariable` before anything else, on channels that take it.
    ///   - timeout: seconds that the server may take over each answer.
    ///   - whenOpen: called on the loop before any data is delivered: the place to set the channel's receiver.
    /// - Throws: `SSHClientError`: `permission` if the server forbids tunnels to this user, `protocolViolation` if it
    ///   knows none of the types, `temporary` if it has no room, does not answer, or goes away.
    public func openTunnel(
        on loop: EventLoop,
        offers: [SSHTunnelOffer],
        sessionName: String? = nil,
        timeout: Int = 10,
        whenOpen: @escaping @Sendable (SSHClientTunnel) -> Void
    ) throws(SSHClientError) {
        try openChannel(on: loop, offers: offers, sessionName: sessionName, timeout: timeout, whenOpen: whenOpen)
    }

    /// Opens a channel of any kind in the same way.
    ///
    /// - Parameter refusal: tells what the server's refusals mean; nil: that it opens no tunnel.
    func openChannel(
        on loop: EventLoop,
        offers: [SSHTunnelOffer],
        sessionName: String? = nil,
        timeout: Int,
        refusal: (([SSHTunnelRefusal]) -> SSHClientError)? = nil,
        whenOpen: @escaping @Sendable (SSHClientTunnel) -> Void
    ) throws(SSHClientError) {
        precondition(!loop.isCurrent, "a loop cannot wait for itself")
        let opener = SSHClientTunnelOpener(
            handle: handle,
            settings: settings,
            loop: loop,
            offers: offers,
            sessionName: sessionName,
            timeout: timeout,
            refusal: refusal,
            whenOpen: whenOpen
        )
        if let error = opener.run() { throw error }
    }
}
