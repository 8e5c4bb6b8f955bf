internal import CLibSSH
internal import EventLoops
internal import Glibc
internal import PacketTunnel

/// How a server has refused to open a channel.
struct SSHTunnelRefusal {
    let type: String
    let code: ChannelOpenFailure
    /// The server's own words.
    let text: String
}

/// Opens a tunnel on a connection that it hands to a loop: one offer after the other, each with a deadline.
///
/// `run` is for the connecting thread; everything else happens on the loop.
final class SSHClientTunnelOpener: SSHSessionDelegate, @unchecked Sendable {  // its loop's, while one thread waits
    private let handle: SSHClientHandle
    private let settings: SSHClientSettings
    private let loop: EventLoop
    private let offers: [SSHTunnelOffer]
    private let sessionName: String?
    private let timeout: Int
    private let refusal: (([SSHTunnelRefusal]) -> SSHClientError)?
    private let whenOpen: @Sendable (SSHClientTunnel) -> Void

    // Owned by the loop.
    private var session: SSHSession?
    private var deadline: (any ScheduledWork)?
    private var refusals: [SSHTunnelRefusal] = []

    private let semaphore: UnsafeMutablePointer<sem_t>
    private var isDone = false
    private var error: SSHClientError?

    init(
        handle: SSHClientHandle,
        settings: SSHClientSettings,
        loop: EventLoop,
        offers: [SSHTunnelOffer],
        sessionName: String?,
        timeout: Int,
        refusal: (([SSHTunnelRefusal]) -> SSHClientError)?,
        whenOpen: @escaping @Sendable (SSHClientTunnel) -> Void
    ) {
        self.handle = handle
        self.settings = settings
        self.loop = loop
        self.offers = offers
        self.sessionName = sessionName
        self.timeout = timeout
        self.refusal = refusal
        self.whenOpen = whenOpen
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Waits for the outcome; nil is success.
    func run() -> SSHClientError? {
        loop.execute { self.begin() }
        while sem_wait(semaphore) != 0 {}  // a signal handler may interrupt it
        return error
    }

    private func succeed() {
        session = nil
        finish()
    }

    /// The connecting thread goes on when the connection is down, not before: its handle is then nobody's.
    private func fail(_ error: SSHClientError) {
        guard !isDone else { return }
        if self.error == nil { self.error = error }
        guard let session else { return finish() }
        session.end("no tunnel", disconnectMessage: "no tunnel")
    }

    private func finish() {
        guard !isDone else { return }
        isDone = true
        deadline?.cancel()
        sem_post(semaphore)
    }

    // MARK: On the loop

    private func begin() {
        do throws(SSHClientError) {
            let session = try handle.transfer(to: loop)
            if let link = handle.link { session.explainEnd = { link.failure?.reason ?? $0 } }
            self.session = session
            session.delegate = self
            ask(for: 0)
        } catch {
            fail(error)
        }
    }

    private func ask(for index: Int) {
        guard let session, error == nil else { return }
        guard index < offers.count else { return fail(refused()) }
        let offer = offers[index]
        deadline?.cancel()
        deadline = loop.schedule(after: UInt64(timeout) * 1_000_000_000) { [weak self] in
            self?.fail(SSHClientError(.temporary, "the server does not answer the request for a tunnel"))
        }
        session.openChannel(type: offer.type, payload: offer.payload, options: offer.options) { result in
            self.answered(result, offer: offer, index: index)
        }
    }

    private func answered(_ result: Result<SSHChannel, SSHError>, offer: SSHTunnelOffer, index: Int) {
        guard let session, error == nil else { return }
        switch result {
        case .success(let channel):
            if let sessionName, offer.sendsSessionName {
                channel.sendEnvironment(SessionIdentity.nameVariable, sessionName)
            }
            let tunnel = SSHClientTunnel(
                channel: channel,
                session: session,
                aliveInterval: settings.serverAliveInterval,
                aliveCountMax: settings.serverAliveCountMax,
                link: handle.link
            )
            whenOpen(tunnel)
            succeed()
        case .failure(let error):
            guard case .channelRefused(let failure) = error.kind else {
                return fail(SSHClientError(.temporary, "no tunnel: \(error.reason)"))
            }
            refusals.append(SSHTunnelRefusal(type: offer.type, code: failure, text: Self.plain(error.reason)))
            guard failure != .resourceShortage, failure != .unusablePacketMaximum else { return fail(refused()) }
            // A stock sshd says "connect failed" to a type that it does not know, others "prohibited": ask on.
            ask(for: index + 1)
        }
    }

    private func refused() -> SSHClientError {
        if let refusal { return refusal(refusals) }
        let list = refusals.map { "\($0.type): \($0.text)" }.joined(separator: "; ")
        let failures = refusals.map(\.code)
        if failures.last == .resourceShortage {
            return SSHClientError(.temporary, "the server has no room for a tunnel now (\(list))")
        }
        if failures.contains(.administrativelyProhibited) {
            return SSHClientError(
                .permission,
                "the server does not permit a tunnel (\(list)); its log and authorized_keys say why"
            )
        }
        let advice = ServerProgram(handle.session).advice(settings).map { ". \($0). A stock" } ?? ". A stock"
        return SSHClientError(
            .protocolViolation,
            "the server opens no tunnel (\(list))\(advice) sshd needs \"PermitTunnel point-to-point\""
        )
    }

    /// What the server has said, without libssh's words around it.
    private static func plain(_ reason: String) -> String {
        guard let end = reason.range(of: ") ", after: "error (") else { return reason }
        return String(reason[end...])
    }

    // MARK: SSHSessionDelegate

    func sessionDidProgress(_ session: SSHSession) {}

    func sessionDidEnd(_ session: SSHSession, reason: String) {
        self.session = nil
        fail(SSHClientError(.temporary, "the connection ended before the tunnel was open: \(reason)"))
        handle.link?.close()
    }
}

extension String {
    /// Where the text behind `mark`, which follows `prefix`, begins.
    fileprivate func range(of mark: String, after prefix: String) -> Index? {
        guard let start = firstRange(of: prefix)?.upperBound else { return nil }
        return self[start...].firstRange(of: mark)?.upperBound
    }
}
