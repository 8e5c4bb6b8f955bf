internal import CLibSSH

/// Whether the server is the one that was meant: its key against the `known_hosts` files.
struct SSHClientHostKey {
    let settings: SSHClientSettings
    /// As `known_hosts` writes it.
    let name: String
    private let known: KnownHosts

    /// Every host key type, in the order of OpenSSH's preference. RSA keys sign by two names.
    private static let algorithms = [
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "rsa-sha2-256",
    ]

    init(settings: SSHClientSettings, host: String, port: UInt16) {
        self.settings = settings
        name = settings.hostKeyAlias ?? KnownHosts.name(host: host, port: port)
        known = KnownHosts(host: name, files: settings.knownHostsFiles)
    }

    /// The algorithms to offer, those of known keys first: a server with several keys then shows the one that can be
    /// checked. Nil if nothing is known, so that the library's own order counts.
    var preferredAlgorithms: String? {
        let types = Set(known.entries.filter { !$0.isRevoked }.map(\.publicKey.type))
        guard !types.isEmpty else { return nil }
        let isKnown = { (algorithm: String) in
            types.contains(algorithm.hasPrefix("rsa-") ? "ssh-rsa" : algorithm)
        }
        return (Self.algorithms.filter(isKnown) + Self.algorithms.filter { !isKnown($0) }).joined(separator: ",")
    }

    /// Judges the key that the server has just proved to own.
    ///
    /// - Parameter confirm: asks a person; nil if there is none to ask.
    func check(
        _ session: ssh_session,
        confirm: ((String) -> Bool)?,
        notice: (String) -> Void
    ) throws(SSHClientError) -> SSHPublicKey {
        var key: ssh_key?
        guard ssh_get_server_publickey(session, &key) == SSH_OK, let key else {
            throw SSHClientError(.protocolViolation, "\(name) has shown no host key")
        }
        defer { ssh_key_free(key) }
        guard let offered = SSHPublicKey(key) else {
            throw SSHClientError(.protocolViolation, "the host key of \(name) cannot be read")
        }
        switch known.verdict(on: offered) {
        case .known: break
        case .unknown: try meet(offered, confirm: confirm, notice: notice)
        case .changed(let entry): throw changed(entry, offered)
        case .revoked(let entry): throw revoked(entry, offered)
        }
        return offered
    }

    private func meet(
        _ offered: SSHPublicKey,
        confirm: ((String) -> Bool)?,
        notice: (String) -> Void
    ) throws(SSHClientError) {
        switch settings.hostKeyPolicy {
        case .accept: break
        case .ask:
            guard let confirm else { throw unknown(offered) }
            let question = "The host \(name) is not known. Its key is \(offered).\nConnect, and keep this key?"
            guard confirm(question) else { throw unknown(offered) }
        case .refuse: throw unknown(offered)
        }
        guard let file = settings.userKnownHostsFiles.first else { return }
        do throws(SSHClientError) {
            try KnownHosts.add(offered, host: name, to: file)
            if file != "/dev/null" { notice("added \(offered) of \(name) to \(file)") }
        } catch {
            // The person has accepted the key; only the next connection will have to ask again.
            notice(error.message)
        }
    }

    // MARK: Refusals

    private func unknown(_ offered: SSHPublicKey) -> SSHClientError {
        let file = settings.userKnownHostsFiles.first ?? "a known_hosts file"
        return SSHClientError(
            .hostKeyUnknown,
            "the host \(name) is not known; it has shown \(offered). Compare this with the server's own "
                + "(packet-tunneld logs it at each start; ssh-keygen -lf /etc/packet-tunnel/ssh_host_ed25519_key.pub there "
                + "prints it, with a stock sshd /etc/ssh/ssh_host_…_key.pub), then add the key to \(file) or connect with "
                + "-o StrictHostKeyChecking=accept-new",
            hostKeys: .init(offered: offered, known: nil, location: nil)
        )
    }

    private func changed(_ entry: KnownHosts.Entry, _ offered: SSHPublicKey) -> SSHClientError {
        SSHClientError(
            .hostKeyChanged,
            "the host key of \(name) has changed. Known: \(entry.publicKey) (\(entry.location)). "
                + "Offered: \(offered). Somebody may be between you and the server. If its key was really replaced, "
                + "remove the old one: ssh-keygen -f '\(entry.file)' -R '\(name)'",
            hostKeys: .init(offered: offered, known: entry.publicKey, location: entry.location)
        )
    }

    private func revoked(_ entry: KnownHosts.Entry, _ offered: SSHPublicKey) -> SSHClientError {
        SSHClientError(
            .hostKeyChanged,
            "the host key of \(name), \(offered), is marked as revoked (\(entry.location)): whoever has it must not be "
                + "trusted",
            hostKeys: .init(offered: offered, known: entry.publicKey, location: entry.location)
        )
    }
}
