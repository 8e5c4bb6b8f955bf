internal import OpenSSHSyntax

extension KeywordTable {
    static let ssh: [ConfigurationKeyword] = listening + authentication + connections

    private static let listening: [ConfigurationKeyword] = [
        ConfigurationKeyword(
            each: "ListenAddress",
            .ssh,
            \.listenAddresses,
            .value,
            whenEmpty: "every address of the host",
            example: "192.0.2.1:2222",
            """
            An address to listen on, with a port of its own or the ports of Port. An IPv6 address with a port is written \
            [2001:db8::1]:2222. Names are not looked up.
            """
        ),
        ConfigurationKeyword(
            each: "Port",
            .ssh,
            \.ports,
            .number(1...65535, "PORT"),
            """
            A port for the addresses that name none.
            """
        ),
        ConfigurationKeyword(
            each: "HostKey",
            .ssh,
            \.hostKeyFiles,
            .absolutePath,
            """
            A private host key file. One that does not exist is made at the first start, readable by its owner only; one \
            that exists is never overwritten.
            """
        ),
    ]

    private static let authentication: [ConfigurationKeyword] = [
        ConfigurationKeyword(
            "AuthorizedKeysFile",
            .ssh,
            \.authorizedKeysFiles,
            ValueSyntax<KeyFilePattern>.value.list(emptyWord: "none"),
            """
            Files with the public keys of a user, in sshd's format. %u is the user's name, %h the home directory, %% a \
            percent sign; a relative path lies in the home directory. Users need no account on this host unless a path \
            needs their home directory. The word none admits nobody by such a file.
            """
        ),
        ConfigurationKeyword(
            "StrictModes",
            .ssh,
            \.strictModes,
            .yesNo,
            """
            Refuses keys from a file that users other than root and its owner can change, or that lies in a directory \
            they can change.
            """
        ),
        ConfigurationKeyword(
            each: "AllowUsers",
            .ssh,
            \.allowedUsers,
            .value,
            severalPerLine: true,
            whenEmpty: "every user with a key",
            example: "alice bob@198.51.100.0/24",
            """
            Users who may connect, all others may not. * and ? match; NAME@ADDRESS admits a user from an address or \
            prefix only.
            """
        ),
        ConfigurationKeyword(
            each: "DenyUsers",
            .ssh,
            \.deniedUsers,
            .value,
            severalPerLine: true,
            whenEmpty: "nobody",
            example: "mallory",
            """
            Users who may not connect, in the same form; stronger than AllowUsers.
            """
        ),
        ConfigurationKeyword(
            "MaxAuthTries",
            .ssh,
            \.maxAuthenticationTries,
            .number(1...100, "NUMBER"),
            """
            Failed attempts to authenticate after which a connection is closed.
            """
        ),
    ]

    private static let connections: [ConfigurationKeyword] = [
        ConfigurationKeyword(
            "LoginGraceTime",
            .ssh,
            \.loginGraceTime,
            .time(.seconds(1)...(.seconds(3600))),
            """
            Time within which a connection must have authenticated. Unlike in sshd, 0 for no limit is refused: a silent \
            peer would hold its place for ever.
            """
        ),
        ConfigurationKeyword(
            "MaxStartups",
            .ssh,
            \.maxStartups,
            .value,
            """
            Connections that may be unauthenticated at once. From START on, a new one is refused with a chance of RATE \
            percent, which rises until at FULL every new one is refused.
            """
        ),
        ConfigurationKeyword(
            "PerSourceMaxStartups",
            .ssh,
            \.perSourceMaxStartups,
            ValueSyntax<Int>.number(1...100_000, "NUMBER").optional(nilWord: "none"),
            """
            Connections from one source that may be unauthenticated at once. Unlike in sshd the default is not none, so \
            that one peer that stalls cannot take every place. Where there is no place left, the oldest connection of the \
            source that has most of them makes room for a newcomer. A source from which somebody has logged in within \
            the last day has places of its own, a quarter of MaxStartups.
            """
        ),
        ConfigurationKeyword(
            "PerSourceNetBlockSize",
            .ssh,
            \.perSourceNetBlockSize,
            .value,
            """
            Leading bits of an IPv4 and an IPv6 address that make one source for PerSourceMaxStartups and \
            PerSourcePenalties. Unlike in sshd a whole IPv6 network of 64 bits is one, since a host there has as many \
            addresses as it likes.
            """
        ),
        ConfigurationKeyword(
            "PerSourcePenalties",
            .ssh,
            \.perSourcePenalties,
            .sourcePenalties,
            """
            Times for which a source is refused after a failed login (authfail:5s, invaliduser:5s), a connection without a \
            login (noauth:0), or one that used up LoginGraceTime (grace-exceeded:10s). They add up to at most max:10m, and \
            hold from min:15s on. max-sources4:65536 and max-sources6:65536 bound how many sources are remembered; with \
            more, overflow:permissive and overflow6:permissive forget those with the shortest penalty, deny-all lets nobody \
            else in. A source from which somebody has logged in within the last day has no penalties. Unlike in sshd, \
            noauth is 0: clients that do not accept the host key, and monitors, come again and again.
            """
        ),
        ConfigurationKeyword(
            each: "PerSourcePenaltyExemptList",
            .ssh,
            \.penaltyExemptions,
            .anyPrefix,
            severalPerLine: true,
            example: "198.51.100.0/24 2001:db8::/32",
            """
            Networks that have no penalties.
            """
        ),
        ConfigurationKeyword(
            "ClientAliveInterval",
            .ssh,
            \.clientAliveInterval,
            .time(.zero...(.seconds(86_400))),
            """
            Silence after which a client is asked whether it is still there; 0 for never. A session with a live \
            connection never expires, so without this question a client that vanished keeps its addresses.
            """
        ),
        ConfigurationKeyword(
            "ClientAliveCountMax",
            .ssh,
            \.clientAliveCountMax,
            .number(0...1000, "NUMBER"),
            """
            Questions without answer after which the client counts as gone; 0 for never.
            """
        ),
        ConfigurationKeyword(
            "Compression",
            .ssh,
            \.permitsCompression,
            .yesNo,
            """
            Compresses what clients ask to have compressed. It costs far more than it saves where packets are encrypted \
            already, as most are.
            """
        ),
        ConfigurationKeyword(
            "CongestionControl",
            .ssh,
            \.congestionControl,
            .value,
            """
            The congestion control of clients' TCP connections. With auto it is bbr for a path that loses packets, and for one \
            of 3 ms or more once it has been full, and what the system has otherwise (cubic, if that is bbr): each second it is \
            looked again. With system it is left alone; a name is one of net.ipv4.tcp_available_congestion_control. packet-tunneld --status shows \
            it for each client. Behind a stock sshd the connection is sshd's, and nothing is changed.
            """
        ),
        ConfigurationKeyword(
            "RekeyLimit",
            .ssh,
            \.rekeyLimit,
            .rekeyLimit,
            """
            Data after which, and perhaps time after which, new session keys are agreed on. The default renews them when \
            the cipher needs it.
            """
        ),
        ConfigurationKeyword(
            "Ciphers",
            .ssh,
            \.ciphers,
            .algorithms(.cipher),
            """
            Ciphers, best first; the client's order decides. + appends to the default list, - removes from it, ^ puts \
            in front of it. What this libssh does not have is left out, here and in the next two.
            """
        ),
        ConfigurationKeyword(
            "MACs",
            .ssh,
            \.macs,
            .algorithms(.mac),
            """
            Message authentication codes in the same form. The default ciphers need none, except aes256-ctr. Codes that cover \
            the plain text alone (hmac-sha2-256, hmac-sha2-512) can be added with +.
            """
        ),
        ConfigurationKeyword(
            "KexAlgorithms",
            .ssh,
            \.keyExchanges,
            .algorithms(.keyExchange),
            """
            Key exchange methods in the same form. The first three hold against a quantum computer, too; libssh has them \
            from 0.12 on. NIST's curves (ecdh-sha2-nistp256 and so on) can be added with +, and the finite-field groups, but \
            those cost the server up to 0.1 s of processor time for each connection, before it has authenticated.
            """
        ),
    ]
}
