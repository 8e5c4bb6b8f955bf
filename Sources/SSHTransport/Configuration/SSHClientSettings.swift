internal import CLibSSH
internal import Glibc

/// What a connection is made with: command line, configuration file and defaults put together.
struct SSHClientSettings {
    private let configuration: SSHClientConfiguration
    private var file = OpenSSHClientConfiguration()

    /// AES-GCM first: the fastest by far, and the one that needs new keys least often.
    static let ciphers = "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr"
    private static let defaultConnectTimeout = 15
    private static let defaultAliveInterval = 15
    private static let defaultIdentities = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"]
    private static let systemFile = "/etc/ssh/ssh_config"

    /// Reads the configuration file for what libssh does not hand out.
    init(_ configuration: SSHClientConfiguration) throws(SSHClientError) {
        self.configuration = configuration
        let target = OpenSSHClientConfiguration.Target(
            alias: configuration.host,
            user: configuration.user ?? configuration.options[.user]
        )
        for path in Self.files(configuration.file) { file.read(path, for: target) }
        for option in SSHClientOption.allCases {
            guard let value = file[option.rawValue], let problem = option.problem(with: value) else { continue }
            let location = file.location(of: option.rawValue) ?? ""
            throw SSHClientError(.configuration, "\(location): \(option.rawValue) \(value): \(problem)")
        }
    }

    private static func files(_ file: SSHClientConfiguration.File) -> [String] {
        switch file {
        case .standard: [SSHClientPath.home + "/.ssh/config", systemFile]
        case .none: []
        case .path(let path): [SSHClientPath.expand(path)]
        }
    }

    private func value(_ option: SSHClientOption) -> String? { configuration.options[option] ?? file[option.rawValue] }

    private func flag(_ option: SSHClientOption) -> Bool { value(option).flatMap(SSHClientValue.flag) ?? false }

    // MARK: What the client itself acts on

    var connectTimeout: Int {
        let seconds = value(.connectTimeout).flatMap { SSHClientValue.seconds($0) } ?? 0
        return seconds > 0 ? seconds : Self.defaultConnectTimeout
    }

    /// Seconds of silence after which the server is asked for a sign of life; 0: never. `ssh` leaves this off; a tunnel
    /// that is to come back by itself has to notice that it is gone.
    var serverAliveInterval: Int {
        value(.serverAliveInterval).flatMap { SSHClientValue.seconds($0) } ?? Self.defaultAliveInterval
    }

    var serverAliveCountMax: Int {
        value(.serverAliveCountMax).flatMap { SSHClientValue.number($0, in: 1...1000) } ?? 3
    }

    /// The interface that the connection leaves by; nil: the routes decide.
    var bindInterface: String? { value(.bindInterface) }

    /// The address or name of this host that the connection comes from; nil: the kernel chooses.
    var bindAddress: String? { value(.bindAddress) }

    /// `AF_UNSPEC` unless one family is asked for.
    var addressFamily: Int32 { value(.addressFamily).flatMap { SSHClientValue.addressFamily($0) } ?? AF_UNSPEC }

    /// The hosts to pass through, in order. Of `ProxyJump` and `ProxyCommand` the first one given counts.
    var jumpHosts: [JumpHost] {
        guard configuration.options[.proxyCommand] == nil, let value = value(.proxyJump), value.lowercased() != "none"
        else { return [] }
        return JumpHost.list(value) ?? []
    }

    /// The command that makes the connection; nil: none.
    var proxyCommand: String? {
        guard configuration.options[.proxyJump] == nil, let value = value(.proxyCommand), value.lowercased() != "none"
        else { return nil }
        return value
    }

    var isBatch: Bool { flag(.batchMode) }

    var hostKeyPolicy: SSHClientHostKeyPolicy {
        value(.strictHostKeyChecking).flatMap { SSHClientHostKeyPolicy($0) } ?? .ask
    }

    var hostKeyAlias: String? { value(.hostKeyAlias) }

    /// Where a new key is added: the first file. `none` and an unset option differ: without a file nothing is kept.
    var userKnownHostsFiles: [String] {
        paths(value(.userKnownHostsFile) ?? "~/.ssh/known_hosts ~/.ssh/known_hosts2")
    }

    var knownHostsFiles: [String] {
        userKnownHostsFiles
            + paths(value(.globalKnownHostsFile) ?? "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2")
    }

    private func paths(_ list: String) -> [String] {
        list.split(separator: " ").filter { $0 != "none" }.map { SSHClientPath.expand(String($0)) }
    }

    /// Keys that somebody named: command line first, then the configuration file.
    func namedIdentities(host: String, user: String, port: UInt16) -> [String] {
        var seen: Set<String> = []
        return (configuration.identityFiles + file.identityFiles.filter { $0 != "none" })
            .map { SSHClientPath.expand($0, host: host, user: user, port: port) }
            .filter { seen.insert($0).inserted }
    }

    var defaultIdentities: [String] { Self.defaultIdentities.map { SSHClientPath.expand($0) } }

    /// With `IdentitiesOnly yes` only files count.
    var usesAgent: Bool { !flag(.identitiesOnly) }

    // MARK: What libssh acts on

    /// Gives libssh the file, then everything that overrides it.
    func apply(to session: ssh_session) throws(SSHClientError) {
        try set(session, SSH_OPTIONS_HOST, configuration.host, as: "host name")
        try parseFiles(session)
        var no: Int32 = 0
        ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no)
        var yes: Int32 = 1
        ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes)
        var timeout = connectTimeout
        ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &timeout)
        if value(.ciphers) == nil {
            try set(session, SSH_OPTIONS_CIPHERS_C_S, Self.ciphers, as: "Ciphers")
            try set(session, SSH_OPTIONS_CIPHERS_S_C, Self.ciphers, as: "Ciphers")
        }
        if value(.kexAlgorithms) == nil {
            let first = SSHLibrary.postQuantumKeyExchanges.filter { SSHLibrary.knows($0, in: .keyExchange) }
            // In front of what the library offers by itself.
            if !first.isEmpty {
                try set(session, SSH_OPTIONS_KEY_EXCHANGE, "^" + first.joined(separator: ","), as: "KexAlgorithms")
            }
        }
        for (option, value) in configuration.options { try apply(option, value, to: session) }
        if let user = configuration.user { try set(session, SSH_OPTIONS_USER, user, as: "user name") }
        if var port = configuration.port.map(UInt32.init) { ssh_options_set(session, SSH_OPTIONS_PORT, &port) }
    }

    /// Puts the algorithms of known host keys first, unless somebody has chosen an order.
    func setHostKeyAlgorithms(_ algorithms: String?, of session: ssh_session) throws(SSHClientError) {
        guard let algorithms, value(.hostKeyAlgorithms) == nil else { return }
        try set(session, SSH_OPTIONS_HOSTKEYS, algorithms, as: "HostKeyAlgorithms")
    }

    private func parseFiles(_ session: ssh_session) throws(SSHClientError) {
        for path in Self.files(configuration.file) {
            guard access(path, R_OK) == 0 else {
                let reason = String(cString: strerror(errno))
                guard case .path = configuration.file else { continue }
                throw SSHClientError(.configuration, "\(path): \(reason)")
            }
            guard ssh_options_parse_config(session, path) == 0 else {
                throw SSHClientError(
                    .configuration,
                    "\(path): \(SSHRuntime.lastError(of: session))"
                )
            }
        }
    }

    private func apply(_ option: SSHClientOption, _ value: String, to session: ssh_session) throws(SSHClientError) {
        let name = option.rawValue
        switch option {
        case .ciphers:
            try set(session, SSH_OPTIONS_CIPHERS_C_S, value, as: name)
            try set(session, SSH_OPTIONS_CIPHERS_S_C, value, as: name)
        case .macs:
            try set(session, SSH_OPTIONS_HMAC_C_S, value, as: name)
            try set(session, SSH_OPTIONS_HMAC_S_C, value, as: name)
        case .kexAlgorithms: try set(session, SSH_OPTIONS_KEY_EXCHANGE, value, as: name)
        case .hostKeyAlgorithms: try set(session, SSH_OPTIONS_HOSTKEYS, value, as: name)
        case .pubkeyAcceptedAlgorithms: try set(session, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, value, as: name)
        case .compression: try set(session, SSH_OPTIONS_COMPRESSION, value.lowercased(), as: name)
        case .hostName: try set(session, SSH_OPTIONS_HOST, value, as: name)
        case .user: try set(session, SSH_OPTIONS_USER, value, as: name)
        case .port: try set(session, SSH_OPTIONS_PORT_STR, value, as: name)
        case .identityAgent: try set(session, SSH_OPTIONS_IDENTITY_AGENT, SSHClientPath.expand(value), as: name)
        case .rekeyLimit:
            guard var limit = SSHClientValue.rekeyLimit(value) else { return }
            if limit.bytes > 0 { ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &limit.bytes) }
            if limit.seconds > 0 { ssh_options_set(session, SSH_OPTIONS_REKEY_TIME, &limit.seconds) }
        default: break
        }
    }

    private func set(
        _ session: ssh_session,
        _ option: ssh_options_e,
        _ value: String,
        as name: String
    ) throws(SSHClientError) {
        guard ssh_options_set(session, option, value) == 0 else {
            throw SSHClientError(.usage, "\(name) \(value): the SSH library does not accept this value")
        }
    }
}
