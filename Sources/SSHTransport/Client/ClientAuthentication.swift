internal import CLibSSH
internal import Glibc

/// Logs a client in with a public key: first the keys that somebody named, then the agent's, then the usual files.
///
/// Named keys come first, unlike at `ssh`, so that a full agent cannot use up the server's patience before the right key
/// is there. A named key that the agent has is signed with there if its file is encrypted, missing, or a public one.
///
/// Blocks on the connecting thread. A named key that needs no passphrase is used outright, which saves the round trip
/// of asking whether it would do; a passphrase is only asked for when the server has said that the key would do.
struct ClientAuthentication {
    private let session: ssh_session
    private let user: String
    private let settings: SSHClientSettings
    private let passphrase: ((String) -> String?)?
    private var agent: SSHAgent?
    /// What became of each key, for the one line that is left if none would do.
    private var outcomes: [String] = []
    /// The blobs of keys that the server has refused.
    private var refusedKeys: Set<[UInt8]> = []

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
        outcomes = settings.missingIdentities
    }

    /// Tries keys until one is accepted.
    ///
    /// - Throws: `SSHClientError`: `permission` if the server refuses all, `temporary` if it goes away meanwhile.
    mutating func run() throws(SSHClientError) {
        try startService()
        if let socket = try settings.agentSocket() {
            let session = session
            agent = SSHAgent(socket: socket) { ssh_set_agent_socket(session, $0) == SSH_OK }
            if agent == nil { outcomes.append("no agent answers at \(socket)") }
        }
        defer { agent?.finish() }
        for path in settings.namedIdentities where try tryNamed(path) { return }
        if !settings.onlyNamedIdentities {
            for identity in agent?.identities ?? [] where try tryAgent(identity) { return }
        }
        for path in settings.defaultIdentities {
            if try settings.onlyNamedIdentities ? tryNamed(path, isDefault: true) : tryFile(path, isNamed: false) {
                return
            }
        }
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
        return SSHClientError(.permission, "\(refusal): \(tried). \(advice)")
    }

    private var refusal: String { "the server refuses to log in \(user)" }

    /// The methods that the server says it takes (RFC 4252 §5.1): asked for by the first attempt of any key.
    private var advice: String {
        var methods = ssh_userauth_list(session, user)
        if methods == 0, ssh_is_connected(session) != 0, ssh_userauth_none(session, user) != SSH_AUTH_ERROR.rawValue {
            methods = ssh_userauth_list(session, user)
        }
        guard methods != 0, methods & Int32(SSH_AUTH_METHOD_PUBLICKEY) == 0 else {
            return "Name a key with -i, and see that its public half is in the server's authorized_keys "
                + "(packet-tunnel keygen makes one)" + otherPort
        }
        let names = [
            (SSH_AUTH_METHOD_PASSWORD, "passwords"), (SSH_AUTH_METHOD_INTERACTIVE, "interactive questions"),
            (SSH_AUTH_METHOD_HOSTBASED, "trusted hosts"), (SSH_AUTH_METHOD_GSSAPI_MIC, "Kerberos"),
        ].filter { methods & Int32($0.0) != 0 }.map(\.1)
        return "The server takes no public keys from \(user), but \(names.joined(separator: " and ")): "
            + "its administrator has to permit keys (PubkeyAuthentication)"
    }

    private var otherPort: String { ServerProgram(session).advice(settings).map { ". \($0)" } ?? "" }

    // MARK: One source of keys

    private mutating func tryNamed(_ path: String, isDefault: Bool = false) throws(SSHClientError) -> Bool {
        let publicKey = ClientIdentity.publicKey(path)
        let held = agent?.identities.first { $0.blob == publicKey?.blob }
        let isFile = access(path, R_OK) == 0 && !ClientIdentity.isPublic(path)
        if let held, !isFile || needsPassphrase(path) || ClientIdentity.permissionProblem(path) != nil {
            // An agent keeps the certificate of a key as an identity of its own.
            let certificates = publicKey.map { self.certificates(of: path).blobs($0) } ?? []
            for identity in agent?.identities ?? [] where certificates.contains(identity.blob) {
                if try tryAgent(identity) { return true }
            }
            return try tryAgent(held)
        }
        if access(path, F_OK) == 0, !isFile, let publicKey {
            outcomes.append("\(path) is a public key, and no agent has the private half of \(publicKey.fingerprint)")
            return false
        }
        return try tryFile(path, isNamed: !isDefault)
    }

    private func needsPassphrase(_ path: String) -> Bool {
        let question = PassphraseQuestion()
        let asker = Unmanaged.passUnretained(question).toOpaque()
        var key: ssh_key?
        if ssh_pki_import_privkey_file(path, nil, noticePassphraseQuestion, asker, &key) == SSH_OK { ssh_key_free(key) }
        return question.wasAsked
    }

    private mutating func tryAgent(_ identity: SSHAgent.Identity) throws(SSHClientError) -> Bool {
        guard let agent, !refusedKeys.contains(identity.blob) else { return false }
        agent.show(identity)
        settings.configuration.progress(
            "offering the agent's key \(SSHRuntime.printable(identity.comment, limit: 60))",
            false
        )
        switch ssh_userauth_agent(session, user) {
        case SSH_AUTH_SUCCESS.rawValue: return true
        case SSH_AUTH_PARTIAL.rawValue: throw partial()
        default:
            try checkConnection()
            refusedKeys.insert(identity.blob)
            let name = (try? SSHPublicKey(blob: identity.blob))?.fingerprint ?? "of a type that is not known here"
            outcomes.append("the agent's key \(SSHRuntime.printable(identity.comment, limit: 60)) (\(name)) is refused")
            return false
        }
    }

    private mutating func tryFile(_ path: String, isNamed: Bool) throws(SSHClientError) -> Bool {
        guard access(path, R_OK) == 0 else {
            if isNamed { outcomes.append("\(path): \(String(cString: strerror(errno)))") }
            return false
        }
        if let problem = ClientIdentity.permissionProblem(path) {
            outcomes.append("\(path): \(problem)")
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
        let certificates = certificates(of: path).matching(key).map(\.key)
        defer { for certificate in certificates { ssh_key_free(certificate) } }
        for key in certificates + [key] {
            if ssh_userauth_try_publickey(session, user, key) == SSH_AUTH_SUCCESS.rawValue { return true }
            try checkConnection()
        }
        outcomes.append("\(describe(key, path)) is refused")
        return false
    }

    /// Our own server takes no certificates: there they would only cost attempts.
    private func certificates(of path: String) -> ClientCertificates {
        ServerProgram(session).isOurs
            ? .none : ClientCertificates(named: settings.namedCertificates, besides: path)
    }

    /// Signs with a key, which is freed: under its certificates first, as `ssh` does.
    private mutating func offer(_ key: ssh_key, _ path: String) throws(SSHClientError) -> Bool {
        let certified = certificates(of: path).certified(key)
        defer {
            for (_, key) in certified { ssh_key_free(key) }
            ssh_key_free(key)
        }
        for (path, key) in certified where try sign(key, path) { return true }
        return try sign(key, path)
    }

    private mutating func sign(_ key: ssh_key, _ path: String) throws(SSHClientError) -> Bool {
        if let key = SSHPublicKey(key), !refusedKeys.insert(key.blob).inserted { return false }
        settings.configuration.progress("offering \(describe(key, path))", false)
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
