internal import CLibSSH
internal import Glibc

/// Logs a client in with a public key: first the keys that somebody named, then the agent's, then the usual files.
///
/// Blocks on the connecting thread. A named key that needs no passphrase is used outright, which saves the round trip
/// of asking whether it would do; a passphrase is only asked for when the server has said that the key would do.
struct ClientAuthentication {
    private let session: ssh_session
    private let user: String
    private let settings: SSHClientSettings
    private let passphrase: ((String) -> String?)?
    /// What became of each key, for the one line that is left if none would do.
    private var outcomes: [String] = []

    private static let passphraseAttempts = 3

    init(
        _ session: ssh_session,
        user: String,
        settings: SSHClientSettings,
        passphrase: ((String) -> String?)?
    ) {
        self.session = session
        self.user = user
        self.settings = settings
        self.passphrase = passphrase
    }

    /// Tries keys until one is accepted.
    ///
    /// - Throws: `SSHClientError`: `permission` if the server refuses all, `temporary` if it goes away meanwhile.
    mutating func run(namedIdentities: [String]) throws(SSHClientError) {
        try startService()
        for path in namedIdentities where try tryFile(path, isNamed: true) { return }
        if settings.usesAgent, try tryAgent() { return }
        guard namedIdentities.isEmpty else { throw refused() }
        for path in settings.defaultIdentities where try tryFile(path, isNamed: false) { return }
        throw refused()
    }

    /// Asks for the login service before any key is used. The server's SSH_MSG_EXT_INFO comes before the answer (RFC 8308
    /// §2.4), and only that says that it takes RSA keys with SHA-2: libssh would ask too late, after choosing how to sign.
    private func startService() throws(SSHClientError) {
        guard ssh_service_request(session, "ssh-userauth") != SSH_OK else { return }
        try checkConnection()
        throw SSHClientError(.temporary, "the server does not begin the login: \(SSHRuntime.lastError(of: session))")
    }

    private func refused() -> SSHClientError {
        let tried = outcomes.isEmpty ? "there was no key to offer" : outcomes.joined(separator: "; ")
        return SSHClientError(
            .permission,
            "the server refuses to log in \(user): \(tried). Name a key with -i, and see that its public half is in the "
                + "server's authorized_keys"
        )
    }

    // MARK: One source of keys

    private mutating func tryAgent() throws(SSHClientError) -> Bool {
        switch ssh_userauth_agent(session, user) {
        case SSH_AUTH_SUCCESS.rawValue: return true
        case SSH_AUTH_PARTIAL.rawValue: throw partial()
        default:
            try checkConnection()
            if getenv("SSH_AUTH_SOCK") != nil { outcomes.append("no key of the agent would do") }
            return false
        }
    }

    private mutating func tryFile(_ path: String, isNamed: Bool) throws(SSHClientError) -> Bool {
        guard access(path, R_OK) == 0 else {
            if isNamed { outcomes.append("\(path): \(String(cString: strerror(errno)))") }
            return false
        }
        let question = PassphraseQuestion()
        var key: ssh_key?
        let asker = Unmanaged.passUnretained(question).toOpaque()
        if ssh_pki_import_privkey_file(path, nil, noticePassphraseQuestion, asker, &key) == SSH_OK, let key {
            return try offer(key, path)
        }
        guard question.wasAsked else {
            outcomes.append("\(path) is no private key that can be read")
            return false
        }
        return try tryEncryptedFile(path)
    }

    private mutating func tryEncryptedFile(_ path: String) throws(SSHClientError) -> Bool {
        guard let passphrase else {
            outcomes.append("\(path) needs a passphrase; add it to the agent with ssh-add")
            return false
        }
        guard try publicHalfWouldDo(path) else { return false }
        for _ in 0..<Self.passphraseAttempts {
            guard let phrase = passphrase(path), !phrase.isEmpty else { break }
            var key: ssh_key?
            guard ssh_pki_import_privkey_file(path, phrase, nil, nil, &key) == SSH_OK, let key else { continue }
            return try offer(key, path)
        }
        outcomes.append("\(path) stays locked without its passphrase")
        return false
    }

    /// Asks the server about `path.pub`, so that nobody types a passphrase for a key that is refused anyway.
    private mutating func publicHalfWouldDo(_ path: String) throws(SSHClientError) -> Bool {
        var key: ssh_key?
        guard ssh_pki_import_pubkey_file(path + ".pub", &key) == SSH_OK, let key else { return true }
        defer { ssh_key_free(key) }
        if ssh_userauth_try_publickey(session, user, key) == SSH_AUTH_SUCCESS.rawValue { return true }
        try checkConnection()
        outcomes.append("\(describe(key, path)) is refused")
        return false
    }

    /// Signs with a key, which is freed.
    private mutating func offer(_ key: ssh_key, _ path: String) throws(SSHClientError) -> Bool {
        defer { ssh_key_free(key) }
        switch ssh_userauth_publickey(session, user, key) {
        case SSH_AUTH_SUCCESS.rawValue: return true
        case SSH_AUTH_PARTIAL.rawValue: throw partial()
        case SSH_AUTH_DENIED.rawValue: outcomes.append("\(describe(key, path)) is refused")
        default:
            try checkConnection()
            outcomes.append("\(describe(key, path)): \(SSHRuntime.lastError(of: session))")
        }
        return false
    }

    // MARK: What the server says

    private func describe(_ key: ssh_key, _ path: String) -> String {
        guard let key = SSHPublicKey(key) else { return path }
        return "\(path) (\(key.fingerprint))"
    }

    private func partial() -> SSHClientError {
        SSHClientError(
            .permission,
            "the server wants more than a public key from \(user), which is not supported"
        )
    }

    /// A server that goes away while keys are tried has had enough of them, or cannot go on.
    private func checkConnection() throws(SSHClientError) {
        guard ssh_is_connected(session) == 0 else { return }
        let reason = SSHRuntime.lastError(of: session)
        guard reason.contains("authentication failures") else {
            throw SSHClientError(.temporary, "the connection ended during the login: \(reason)")
        }
        throw SSHClientError(
            .permission,
            "the server allows no more attempts (\((outcomes + [reason]).joined(separator: "; "))). Name the right key "
                + "with -i, and leave out the agent's with -o IdentitiesOnly=yes"
        )
    }
}

/// Set when libssh wants a passphrase: the sign that a key file is encrypted, and not damaged.
private final class PassphraseQuestion {
    var wasAsked = false
}

private func noticePassphraseQuestion(
    _ prompt: UnsafePointer<CChar>?,
    _ buffer: UnsafeMutablePointer<CChar>?,
    _ length: Int,
    _ echo: Int32,
    _ verify: Int32,
    _ userData: UnsafeMutableRawPointer?
) -> Int32 {
    guard let userData else { return -1 }
    Unmanaged<PassphraseQuestion>.fromOpaque(userData).takeUnretainedValue().wasAsked = true
    return -1
}
