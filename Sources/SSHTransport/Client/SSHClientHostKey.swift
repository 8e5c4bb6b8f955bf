internal import CLibSSH
internal import Glibc
internal import IPPacket

/// Whether the server is the one that was meant: its key against the `known_hosts` files.
struct SSHClientHostKey {
    let settings: SSHClientSettings
    /// As `known_hosts` writes it.
    let name: String
    private let known: KnownHosts
    private let command: KnownHostsCommand?

    /// Every host key type, in the order of OpenSSH's preference. RSA keys sign by two names.
    private static let algorithms = [
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "rsa-sha2-256",
    ]

    /// Reads the files, and runs `KnownHostsCommand`.
    init(settings: SSHClientSettings) throws(SSHClientError) {
        self.settings = settings
        name = settings.hostKeyAlias ?? KnownHostsName.name(host: settings.host, port: settings.port)
        command = KnownHostsCommand(settings)
        let files = settings.userKnownHostsFiles + settings.globalKnownHostsFiles
        let hasPort = settings.hostKeyAlias == nil && settings.port != 22
        var known = KnownHosts(name: name, nameWithoutPort: hasPort ? settings.host : nil, files: files)
        if let command { known.add(try command.run(.order, name: name, key: nil), from: "KnownHostsCommand") }
        self.known = known
    }

    /// The algorithms to offer, those of known keys first: a server with several keys then shows the one that can be
    /// checked. Nil if nothing is known, so that the library's own order counts.
    var preferredAlgorithms: String? {
        let types = known.knownTypes
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
        let offered = try offeredKey(of: session)
        let refusal = SSHClientHostKeyRefusal(
            settings: settings,
            name: name,
            offered: offered,
            program: ServerProgram(session)
        )
        let address = settings.usesProxy ? nil : SSHClientPeer.address(of: ssh_get_fd(session))
        // A local server's key changes with every container; a configuration that says so does not want it checked.
        if settings.flag("nohostauthenticationforlocalhost"), settings.hostKeyAlias == nil, address?.isLoopback == true
        {
            return offered
        }
        if let file = settings.revokedHostKeysFile, try RevokedHostKeys.contains(offered, in: file) {
            throw refusal.revoked(KnownHosts.Entry(publicKey: offered, file: file, line: 0, marker: .revoked))
        }
        var known = known
        if let command {
            known.add(try command.run(.hostName, name: name, key: offered), from: "KnownHostsCommand")
        }
        if let entry = known.overlooked(offered) {
            notice("\(entry.location): this line revokes nothing: write a blank after @revoked, ssh(1) overlooks a tab")
        }
        switch known.verdict(on: offered) {
        case .known: tell("is known", offered, known.line(of: offered)?.location)
        case .unknown(let authority): try meet(refusal, authority, confirm: confirm, notice: notice)
        case .changed(let entry): throw refusal.changed(entry)
        case .revoked(let entry): throw refusal.revoked(entry)
        }
        if let address { try checkAddress(address, refusal) }
        return offered
    }

    private func offeredKey(of session: ssh_session) throws(SSHClientError) -> SSHPublicKey {
        var key: ssh_key?
        guard ssh_get_server_publickey(session, &key) == SSH_OK, let key else {
            throw SSHClientError(.protocolViolation, "\(name) has shown no host key")
        }
        defer { ssh_key_free(key) }
        guard let offered = SSHPublicKey(key) else {
            throw SSHClientError(.protocolViolation, "the host key of \(name) cannot be read")
        }
        return offered
    }

    private func tell(_ what: String, _ key: SSHPublicKey, _ place: String?) {
        settings.configuration.progress("host key \(key) \(what)\(place.map { " (\($0))" } ?? "")", false)
    }

    /// `CheckHostIP yes`: nor may the address be known by another key.
    private func checkAddress(_ address: IPAddress, _ refusal: SSHClientHostKeyRefusal) throws(SSHClientError) {
        guard settings.flag("checkhostip"), settings.hostKeyAlias == nil, "\(address)" != settings.host else { return }
        let name = KnownHostsName.name(host: "\(address)", port: settings.port)
        var known = KnownHosts(name: name, files: settings.userKnownHostsFiles + settings.globalKnownHostsFiles)
        if let command {
            known.add(try command.run(.address, name: name, key: refusal.offered), from: "KnownHostsCommand")
        }
        switch known.verdict(on: refusal.offered) {
        case .known, .unknown: break
        case .changed(let entry): throw refusal.changed(entry)
        case .revoked(let entry): throw refusal.revoked(entry)
        }
    }

    private func meet(
        _ refusal: SSHClientHostKeyRefusal,
        _ authority: KnownHosts.Entry?,
        confirm: ((String) -> Bool)?,
        notice: (String) -> Void
    ) throws(SSHClientError) {
        let file = settings.userKnownHostsFiles.first
        switch settings.hostKeyPolicy {
        case .accept: break
        case .ask:
            guard let confirm, confirm(refusal.question(keptIn: file)) else { throw refusal.unknown(authority) }
        case .refuse: throw refusal.unknown(authority)
        }
        guard let file else { return }
        let kept = settings.flag("hashknownhosts") ? KnownHostsName.hashed(name) ?? name : name
        do throws(SSHClientError) {
            try KnownHostsFile.add(refusal.offered, name: kept, to: file)
            if file != "/dev/null", !settings.isQuiet { notice("added \(refusal.offered) of \(name) to \(file)") }
        } catch {
            // The person has accepted the key; only the next connection will have to ask again.
            if !settings.isQuiet { notice(error.reason) }
        }
    }
}
