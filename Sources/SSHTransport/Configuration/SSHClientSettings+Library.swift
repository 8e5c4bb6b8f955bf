internal import CLibSSH
internal import Glibc
internal import OpenSSHSyntax

/// What the SSH library acts on.
extension SSHClientSettings {
    /// AES-GCM first: the fastest by far, and the one that needs new keys least often.
    static let ciphers = [
        "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr",
    ]

    /// Gives the library every value that it acts on. It reads no file of its own.
    func apply(to session: ssh_session) throws(SSHClientError) {
        var no: Int32 = 0
        ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no)
        var yes: Int32 = 1
        ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes)
        var timeout = connectTimeout
        ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &timeout)
        try set(session, SSH_OPTIONS_HOST, host, as: "host name")
        try set(session, SSH_OPTIONS_USER, user, as: "user name")
        var port = UInt32(port)
        ssh_options_set(session, SSH_OPTIONS_PORT, &port)
        if flag("compression") { try set(session, SSH_OPTIONS_COMPRESSION, "yes", as: "Compression") }
        if var bits = text("requiredrsasize").flatMap({ Int32($0) }) {
            ssh_options_set(session, SSH_OPTIONS_RSA_MIN_SIZE, &bits)
        }
        if let words = values["rekeylimit"]?.words, let limit = try? SSHConfigRekeyLimit(words) {
            if var bytes = limit.bytes { ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &bytes) }
            if var seconds = limit.seconds { ssh_options_set(session, SSH_OPTIONS_REKEY_TIME, &seconds) }
        }
        try applyAlgorithms(to: session)
    }

    // MARK: Algorithms

    private func applyAlgorithms(to session: ssh_session) throws(SSHClientError) {
        let ciphers = Self.list(text("ciphers"), over: Self.ciphers)
        try set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers, as: "Ciphers")
        try set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers, as: "Ciphers")
        if values["kexalgorithms"] == nil {
            let first = SSHLibrary.postQuantumKeyExchanges.filter { SSHLibrary.knows($0, in: .keyExchange) }
            // In front of what the library offers by itself.
            if !first.isEmpty {
                try set(session, SSH_OPTIONS_KEY_EXCHANGE, "^" + first.joined(separator: ","), as: "KexAlgorithms")
            }
        }
        let others: [(String, [ssh_options_e])] = [
            ("MACs", [SSH_OPTIONS_HMAC_C_S, SSH_OPTIONS_HMAC_S_C]), ("KexAlgorithms", [SSH_OPTIONS_KEY_EXCHANGE]),
            ("HostKeyAlgorithms", [SSH_OPTIONS_HOSTKEYS]),
            ("PubkeyAcceptedAlgorithms", [SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES]),
        ]
        for (name, options) in others {
            guard let list = text(name.lowercased()) else { continue }
            for option in options { try setAlgorithms(session, option, list, as: name) }
        }
    }

    /// The library refuses a change that changes nothing: a name to add or to take away that it does not have.
    private func setAlgorithms(
        _ session: ssh_session,
        _ option: ssh_options_e,
        _ list: String,
        as name: String
    ) throws(SSHClientError) {
        guard let sign = list.unicodeScalars.first, "+-^".unicodeScalars.contains(sign) else {
            return try set(session, option, list, as: name)
        }
        guard sign == "-" else {
            _ = ssh_options_set(session, option, list)
            return
        }
        // Said in whole: what the library makes of a list to take away differs between its versions.
        let left = Self.list(list, over: Self.libraryNames.filter { Self.isUsual($0) && libssh_shim_knows(option, $0) })
        try set(session, option, left.isEmpty ? list : left, as: name)
    }

    /// False for what nobody should use without having asked for it by name: SHA-1.
    private static func isUsual(_ name: String) -> Bool { !name.contains("sha1") && name != "ssh-rsa" }

    /// Puts the algorithms of known host keys first, unless somebody has chosen an order.
    func setHostKeyAlgorithms(_ algorithms: String?, of session: ssh_session) throws(SSHClientError) {
        guard let algorithms, values["hostkeyalgorithms"] == nil else { return }
        try set(session, SSH_OPTIONS_HOSTKEYS, algorithms, as: "HostKeyAlgorithms")
    }

    /// A list of names, with what `+`, `-` and `^` say about the defaults done.
    static func list(_ text: String?, over defaults: [String]) -> String {
        guard let text, let sign = text.unicodeScalars.first else { return defaults.joined(separator: ",") }
        let names = String(text.unicodeScalars.dropFirst()).parts(at: ",", omittingEmpty: true).map(String.init)
        let result =
            switch sign {
            case "+": defaults + names
            case "^": names + defaults
            case "-": defaults.filter { name in !names.contains { Wildcard.matches($0, name) } }
            default: [text]
            }
        var seen: Set<String> = []
        return result.filter { seen.insert($0).inserted }.joined(separator: ",")
    }

    private static let libraryNames = [
        "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha1-etm@openssh.com", "hmac-sha2-256",
        "hmac-sha2-512", "hmac-sha1", "mlkem768x25519-sha256", "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512",
        "diffie-hellman-group14-sha256", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1",
        "diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1", "mlkem768nistp256-sha256",
        "mlkem1024nistp384-sha384", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512",
        "rsa-sha2-256", "ssh-rsa",
    ]

    private func set(
        _ session: ssh_session,
        _ option: ssh_options_e,
        _ value: String,
        as name: String
    ) throws(SSHClientError) {
        guard ssh_options_set(session, option, value) == 0 else {
            let location = values[name.lowercased()].map { "\($0.location): " } ?? ""
            throw SSHClientError(.usage, "\(location)\(name) \(value): the SSH library does not accept this value")
        }
    }
}
