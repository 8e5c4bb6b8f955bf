extension SSHConfigKeyword {
    /// Every keyword, in alphabetical order within its treatment.
    public static let all: [SSHConfigKeyword] =
        structural.map { SSHConfigKeyword(name: $0, treatment: .structure) }
        + obeyed.map { SSHConfigKeyword(name: $0.0, treatment: .obeyed($0.1)) }
        + ignored.flatMap { reason, names in names.map { SSHConfigKeyword(name: $0, treatment: .ignored(reason)) } }
        + refused.map { SSHConfigKeyword(name: $0.0, treatment: .refused($0.1, unless: $0.2)) }

    private static let structural = ["Host", "Include", "Match"]

    private static let obeyed: [(String, SSHConfigSyntax)] = [
        ("AddressFamily", .choice(["any", "inet", "inet6"])), ("BatchMode", .flag), ("BindAddress", .word),
        ("BindInterface", .word), ("CanonicalDomains", .domains), ("CanonicalizeFallbackLocal", .flag),
        ("CanonicalizeHostname", .choice(["yes", "no", "true", "false", "always"])),
        ("CanonicalizeMaxDots", .number(0...Int(Int32.max))), ("CanonicalizePermittedCNAMEs", .aliases),
        ("CertificateFile", .word), ("CheckHostIP", .flag), ("Ciphers", .algorithms), ("Compression", .flag),
        ("CongestionControl", .congestionControl),
        ("ConnectTimeout", .time), ("GlobalKnownHostsFile", .files), ("HashKnownHosts", .flag),
        ("HostKeyAlgorithms", .algorithms), ("HostKeyAlias", .word), ("HostName", .word), ("IdentitiesOnly", .flag),
        ("IdentityAgent", .agent), ("IdentityFile", .word), ("IgnoreUnknown", .word), ("KexAlgorithms", .algorithms),
        ("KnownHostsCommand", .command), ("LogLevel", .choice(logLevels)), ("MACs", .algorithms),
        ("NoHostAuthenticationForLocalhost", .flag), ("Port", .port), ("PreferredAuthentications", .word),
        ("ProxyCommand", .command), ("ProxyJump", .jump), ("PubkeyAcceptedAlgorithms", .algorithms),
        ("PubkeyAuthentication", .choice(["yes", "no", "true", "false", "unbound", "host-bound"])),
        ("RefuseConnection", .command), ("RekeyLimit", .rekeyLimit), ("RequiredRSASize", .number(0...16384)),
        ("RevokedHostKeys", .word), ("ServerAliveCountMax", .number(0...100_000)), ("ServerAliveInterval", .time),
        (
            "StrictHostKeyChecking",
            .choice(["yes", "no", "true", "false", "ask", "off", "accept-new"])
        ),
        ("Tag", .word), ("User", .word), ("UserKnownHostsFile", .files),
    ]

    static let logLevels = [
        "QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3",
    ]

    private static let ignored: [(String, [String])] = [
        (
            "there is no shell, terminal or command on the server",
            [
                "EnableEscapeCommandline", "EscapeChar", "ForkAfterAuthentication", "LocalCommand",
                "ObscureKeystrokeTiming", "PermitLocalCommand", "RemoteCommand", "RequestTTY", "SendEnv", "SessionType",
                "SetEnv", "StdinNull", "VisualHostKey",
            ]
        ),
        (
            "nothing but the tunnel is forwarded",
            [
                "ClearAllForwardings", "DynamicForward", "ExitOnForwardFailure", "ForwardAgent", "ForwardX11",
                "ForwardX11Timeout", "ForwardX11Trusted", "GatewayPorts", "LocalForward", "PermitRemoteOpen",
                "RemoteForward", "StreamLocalBindMask", "StreamLocalBindUnlink", "XAuthLocation",
            ]
        ),
        ("the tunnel's own options say it", ["Tunnel", "TunnelDevice"]),
        ("a tunnel has a connection of its own", ["ControlMaster", "ControlPath", "ControlPersist"]),
        (
            "only public keys log in",
            [
                "EnableSSHKeysign", "GSSAPIAuthentication", "GSSAPIClientIdentity", "GSSAPIDelegateCredentials",
                "GSSAPIKexAlgorithms", "GSSAPIKeyExchange", "GSSAPIRenewalForcesRekey", "GSSAPIServerIdentity",
                "GSSAPITrustDns", "HostbasedAcceptedAlgorithms", "HostbasedAuthentication",
                "KbdInteractiveAuthentication", "KbdInteractiveDevices", "NumberOfPasswordPrompts",
                "PasswordAuthentication",
            ]
        ),
        ("the server judges certificates of users, and those of hosts are not used", ["CASignatureAlgorithms"]),
        ("keys are taken from agents, not given to them", ["AddKeysToAgent"]),
        ("keys on security keys are used through the agent", ["SecurityKeyProvider"]),
        ("host keys are believed by known_hosts alone, and never replaced", ["UpdateHostKeys", "VerifyHostKeyDNS"]),
        ("fingerprints are shown as SHA256", ["FingerprintHash"]),
        ("packet-tunnel up tries again by itself", ["ConnectionAttempts"]),
        ("the server is asked for a sign of life inside of SSH", ["TCPKeepAlive"]),
        ("the connection is not marked", ["IPQoS"]),
        ("the tunnel is never closed for being idle", ["ChannelTimeout"]),
        ("messages go to standard error", ["LogVerbose", "SyslogFacility", "WarnWeakCrypto"]),
        ("the greeting names this program", ["VersionAddendum"]),
        (
            "OpenSSH ignores it, too",
            [
                "AFSTokenPassing", "Cipher", "CompressionLevel", "FallbackToRsh", "KerberosAuthentication",
                "KerberosTGTPassing", "Protocol", "RhostsAuthentication", "RhostsRSAAuthentication",
                "RSAAuthentication", "UsePrivilegedPort", "UseRoaming", "UseRsh",
            ]
        ),
    ]

    private static let refused: [(String, String, [String])] = [
        ("PKCS11Provider", "no provider is loaded; give the token's keys to ssh-agent (ssh-add -s)", ["none"]),
        ("ProxyUseFdpass", "a proxy command has to carry the connection itself", ["no", "false"]),
    ]
}
