internal import CLibSSH
internal import EventLoops
internal import Logging
internal import PacketTunnel

/// Authorization of a connection: at its login, and again while it lasts.
extension SSHServerConnection {
    // MARK: Authentication, from inside the library

    func noneWasTried() {
        if triedNone { noteFailure("method none") }
        triedNone = true
    }

    /// Called twice for each key: would it do, and here is the proof. Only the second lets anybody in.
    func permits(user: String, key: ssh_key, state: ssh_publickey_state_e) -> Bool {
        answeredKeys += 1
        guard state == SSH_PUBLICKEY_STATE_NONE || state == SSH_PUBLICKEY_STATE_VALID else { return false }
        guard failures < context.configuration.maxAuthTries, !isAuthenticated else { return false }
        guard let publicKey = SSHPublicKey(key) else {
            noteFailure("a key that cannot be read")
            return false
        }
        let fields: Logger.Metadata = ["user": "\(SSHRuntime.userName(user))", "key": "\(publicKey)"]
        guard !user.unicodeScalars.contains(where: SSHRuntime.isInvisible) else {
            noteFailure("no user has such a name", fields, .invalidUser)
            return false
        }
        guard context.configuration.permits(user: user) else {
            noteFailure("this user is not allowed", fields, .invalidUser)
            return false
        }
        switch authorize(user, publicKey) {
        case .failure(let refusal):
            noteFailure("\(refusal)", fields, refusal.isAboutUser ? .invalidUser : nil)
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

    private func authorize(_ user: String, _ key: SSHPublicKey) -> Result<AuthorizedKey, AuthorizedKeysRefusal> {
        guard context.configuration.loadKeys != nil else {
            return context.configuration.authorize(user, key, remoteAddress)
        }
        guard let loaded, loaded.user == user else { return .failure(.unknownKey) }
        return loaded.check(key, remoteAddress)
    }

    /// True if the keys of `user` are at hand; otherwise they are on their way, and the client waits.
    func hasKeys(of user: String) -> Bool {
        guard let load = context.configuration.loadKeys, let session, loaded?.user != user else { return true }
        guard !session.isPaused else { return false }
        session.pause()
        let connection = WeakLoopBound(self, on: loop)
        load(user) { check in
            connection.execute { connection in
                guard let session = connection.session else { return }
                connection.loaded = (user, check)
                session.resume { libssh_shim_resume_logins(session.peer) }
            }
        }
        return false
    }

    /// Ends the connection of a key that is no longer accepted: removed, expired, or its user denied.
    func checkKey(_ check: SSHServerConfiguration.KeyCheck) {
        guard isAuthenticated, let session, let publicKey else { return }
        guard case .failure(let refusal) = check(publicKey, remoteAddress) else {
            keyRefusals = 0
            return
        }
        guard !refusal.isUncertain else { return }
        keyRefusals += 1
        guard keyRefusals > 1 else { return }
        session.endNow("the key is no longer accepted: \(refusal)", disconnectMessage: "The key is no longer accepted")
    }

    func noteFailure(
        _ reason: String,
        _ fields: Logger.Metadata = [:],
        _ special: SSHServerPenalties.Offence? = nil
    ) {
        guard !isAuthenticated else { return }
        failures += 1
        offence = special ?? .authenticationFailure
        logRefusal("authentication refused", fields, reason: reason)
        if failures >= context.configuration.maxAuthTries {
            session?.end("too many authentication failures", disconnectMessage: "Too many authentication failures")
        }
    }

    func requestWasRefused(type: Int32, subtype: Int32) {
        let isKnownMethod = subtype == SSH_AUTH_METHOD_NONE || subtype == SSH_AUTH_METHOD_PUBLICKEY
        guard type == Int32(SSH_REQUEST_AUTH.rawValue), !isKnownMethod else { return }
        let certificates = session.map { libssh_shim_certificates($0.peer) } ?? 0
        defer { refusedCertificates = certificates }
        guard certificates == refusedCertificates else { return noteFailure("a certificate; \(Certificates.advice)") }
        noteFailure("a method that is not offered")
    }
}
