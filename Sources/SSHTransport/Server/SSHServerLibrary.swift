internal import CLibSSH
internal import Glibc

/// The library's side of a listening server: host keys and algorithms that every session starts with.
///
/// Read-only once made: sessions are made from it on several threads at once.
final class SSHServerLibrary: Sendable {
    nonisolated(unsafe) private let bind: ssh_bind  // only read once it is made
    /// `SHA256:…` of each host key, in the order of the files.
    let hostKeys: [SSHPublicKey]

    /// What can be signed with them, as a client asks for it.
    let hostKeyAlgorithms: String

    private let rekeyLimitBytes: UInt64
    private let rekeySeconds: UInt32
    private let permitsCompression: Bool

    deinit { ssh_bind_free(bind) }

    init(_ configuration: SSHServerConfiguration) throws(SSHError) {
        try SSHRuntime.initialize()
        guard let bind = ssh_bind_new() else { throw SSHError(.resources, "out of memory") }
        self.bind = bind
        rekeyLimitBytes = configuration.rekeyLimitBytes
        rekeySeconds = UInt32(clamping: configuration.rekeyInterval.components.seconds)
        permitsCompression = configuration.permitsCompression
        var hostKeys: [SSHPublicKey] = []
        do throws(SSHError) {
            try Self.apply(configuration, to: bind)
            for path in configuration.hostKeyFiles {
                let key = try HostKey(loadingOrCreating: path)
                guard !hostKeys.contains(where: { $0.type == key.publicKey.type }) else {
                    throw SSHError(.configuration, "HostKey \(path): a second key of type \(key.publicKey.type)")
                }
                hostKeys.append(key.publicKey)
                // Belongs to the bind from here on.
                guard ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, UnsafeRawPointer(try key.copy())) == 0
                else { throw SSHError(.hostKey, "\(path): a key of type \(key.publicKey.type) cannot be a host key") }
            }
        } catch {
            self.hostKeys = []
            hostKeyAlgorithms = ""
            throw error
        }
        self.hostKeys = hostKeys
        hostKeyAlgorithms = hostKeys.map { $0.type == "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : $0.type }
            .joined(separator: ",")
    }

    private static func apply(_ configuration: SSHServerConfiguration, to bind: ssh_bind) throws(SSHError) {
        // A system-wide file of the library must not change what ours says.
        var no: CInt = 0
        ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no)
        ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BANNER, configuration.version)
        func set(_ option: ssh_bind_options_e, _ keyword: String, _ names: [String]) throws(SSHError) {
            let list = names.joined(separator: ",")
            guard !names.isEmpty, ssh_bind_options_set(bind, option, list) == 0 else {
                throw SSHError(
                    .configuration,
                    "\(keyword) \(list): nothing in it is known to libssh \(SSHLibrary.version)"
                )
            }
        }
        try set(SSH_BIND_OPTIONS_CIPHERS_C_S, "Ciphers", configuration.ciphers)
        try set(SSH_BIND_OPTIONS_CIPHERS_S_C, "Ciphers", configuration.ciphers)
        try set(SSH_BIND_OPTIONS_HMAC_C_S, "MACs", configuration.macs)
        try set(SSH_BIND_OPTIONS_HMAC_S_C, "MACs", configuration.macs)
        try set(SSH_BIND_OPTIONS_KEY_EXCHANGE, "KexAlgorithms", configuration.keyExchanges)
        try set(
            SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES,
            "PubkeyAcceptedAlgorithms",
            configuration.publicKeyAlgorithms
        )
    }

    /// A session that speaks over `descriptor`, which it owns from now on, whether this succeeds or not.
    func makeSession(_ descriptor: Int32) -> ssh_session? {
        guard let session = ssh_new() else {
            close(descriptor)
            return nil
        }
        guard ssh_bind_accept_fd(bind, session, descriptor) == SSH_OK else {
            // Only if the library got that far does it close the descriptor itself.
            let isTaken = ssh_get_fd(session) == descriptor
            ssh_free(session)
            if !isTaken { close(descriptor) }
            return nil
        }
        ssh_set_blocking(session, 0)
        ssh_set_auth_methods(session, CInt(SSH_AUTH_METHOD_PUBLICKEY))  // the library's own default offers passwords
        var limit = rekeyLimitBytes
        if limit > 0 { ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &limit) }
        var seconds = rekeySeconds
        if seconds > 0 { ssh_options_set(session, SSH_OPTIONS_REKEY_TIME, &seconds) }
        // The library's "no" means last, and a client that puts compression first would get it.
        let compression = permitsCompression ? "zlib@openssh.com,none" : "none"
        ssh_options_set(session, SSH_OPTIONS_COMPRESSION_C_S, compression)
        ssh_options_set(session, SSH_OPTIONS_COMPRESSION_S_C, compression)
        return session
    }
}
