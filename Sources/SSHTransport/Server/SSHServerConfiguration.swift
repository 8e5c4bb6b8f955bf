internal import IPPacket
public import OpenSSHSyntax

/// How an SSH server listens, whom it lets in, and what it puts up with. Names and defaults follow sshd_config(5) where
/// they mean the same.
public struct SSHServerConfiguration: Sendable {
    /// Where to listen (`ListenAddress`, `Port`).
    /// Port 0 lets the kernel choose; none at all is 22. A family that
    /// the host does not have is left out where every address of it is meant.
    public var listenAddresses = [ListenAddress(IPAddress(ipv4: 0)), ListenAddress(IPAddress(bits: 0))]

    /// Private keys (`HostKey`), at most one of each type: Ed25519, ECDSA, RSA. A missing file is made with a new Ed25519
    /// key and mode 0600; an existing one is never written, and refused when others may read it.
    public var hostKeyFiles: [String] = []

    /// How long a connection may take to authenticate (`LoginGraceTime`).
    public var loginGraceTime: Duration = .seconds(120)

    /// Refused authentication attempts after which a connection is ended (`MaxAuthTries`). A first `none` is free.
    public var maxAuthTries = 6

    /// Unauthenticated connections over all addresses (`MaxStartups`).
    public var maxStartups = MaxStartups(begin: 10, rate: 30, full: 100)

    /// Unauthenticated connections from one source (`PerSourceMaxStartups`), so that one peer that stalls cannot take every
    /// place; nil for no such limit.
    public var perSourceMaxStartups: Int? = 20

    /// What counts as one source.
    public var netBlockSize = NetBlockSize()

    /// What the connections of one key may take.
    public var keyLimits = KeyLimits()

    /// What sources are refused for.
    public var penalties = Penalties()

    /// Channels of one connection at a time (`MaxSessions`, of any type). A channel counts until both sides closed it.
    public var maxChannels = 10

    /// Bytes in one direction after which keys are exchanged anew (`RekeyLimit`); 0 is the library's choice: 64 GB, and
    /// 1 GB for chacha20-poly1305.
    public var rekeyLimitBytes: UInt64 = 0

    /// Time after which keys are exchanged anew; zero is never.
    public var rekeyInterval: Duration = .zero

    /// Ciphers in order (`Ciphers`); the client's order decides. AES-GCM first: the fastest here, and it needs new keys 64
    /// times less often than ChaCha20.
    public var ciphers = [
        "aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr",
    ]

    /// Message authentication codes for ciphers without their own (`MACs`). None that covers the plain text alone: those
    /// have the receiver decrypt what anybody may have changed.
    public var macs = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"]

    /// Key exchanges (`KexAlgorithms`); what the library does not know is not offered. No finite-field groups: group 18
    /// costs 131 ms of processor time for each peer that asks, before it is authenticated.
    public var keyExchanges =
        SSHLibrary.postQuantumKeyExchanges + ["curve25519-sha256", "curve25519-sha256@libssh.org"]

    /// Signature algorithms of clients (`PubkeyAcceptedAlgorithms`). No certificates: the library checks neither their
    /// authority nor their validity.
    public var publicKeyAlgorithms = [
        "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com", "rsa-sha2-512", "rsa-sha2-256",
    ]

    /// Whether clients may ask for compression. Packets are mostly encrypted already.
    public var permitsCompression = false

    /// Patterns of users that may log in (`AllowUsers`), with `*` and `?`; empty is everybody.
    public var allowUsers: [String] = []

    /// Patterns of users that may not (`DenyUsers`); stronger than `allowUsers`.
    public var denyUsers: [String] = []

    /// Silence after which a client is asked for a sign of life (`ClientAliveInterval`); zero is never. sshd's default is
    /// never, but a tunnel's client may vanish without a word.
    public var clientAliveInterval: Duration = .seconds(30)

    /// Questions without any packet from the client after which its connection is ended (`ClientAliveCountMax`); 0 is never.
    public var clientAliveCountMax = 3

    /// The name by which our clients know our servers from others.
    public static let programName = "packet_tunnel"

    /// What follows `SSH-2.0-` in the greeting. RFC 4253 §4.2: printable ASCII without spaces and hyphens.
    public var version = programName

    /// The line that a client gets that asks for a shell.
    public var shellNotice = "This SSH server carries IP packets and has no shell. Commands: info, status."

    /// How a connection's congestion control is chosen.
    public var congestionControl = CongestionControl.auto

    /// Unsent bytes at which the kernel stops taking more of a connection's output (`TCP_NOTSENT_LOWAT`), on a fast path; on
    /// a slower one they are fewer.
    public var notSentLowWater: Int32 = SSHSession.SocketOptions.notSentLowWater

    /// Finds a key among those of one user. Must not wait for anything.
    public typealias KeyCheck =
        @Sendable (_ key: SSHPublicKey, _ remoteAddress: String) -> Result<AuthorizedKey, AuthorizedKeysRefusal>

    /// Finds the key among those that `user` may log in with. Called on a connection's loop, for each key that a client
    /// offers and again when it has proved to hold it, so it must not wait for anything.
    public var authorize:
        @Sendable (_ user: String, _ key: SSHPublicKey, _ remoteAddress: String) -> Result<
            AuthorizedKey, AuthorizedKeysRefusal
        > = { _, _, _ in .failure(.unknownKey) }

    /// In the place of `authorize`, for servers that have to look somewhere: a file, a name service. Called on a
    /// connection's loop once for each user that it claims to be, and again every `keyCheckInterval` while anybody is logged
    /// in as that user; has to call `done` once, on any thread. The connection waits for it, no other does.
    public var loadKeys: (@Sendable (_ user: String, _ done: @escaping @Sendable (@escaping KeyCheck) -> Void) -> Void)?

    /// Time after which `loadKeys` is asked again whether users who are logged in are still permitted. A connection whose key is refused twice
    /// in a row is ended: a file that is just being written may be empty once.
    public var keyCheckInterval: Duration = .seconds(2)

    /// Everything at its default. Without `hostKeyFiles` a server does not start.
    public init() {}

    /// Throws the first contradiction, naming the setting, its value and what is allowed.
    func validate() throws(SSHError) {
        func require(_ isValid: Bool, _ problem: @autoclosure () -> String) throws(SSHError) {
            if !isValid { throw SSHError(.configuration, problem()) }
        }
        try require(!listenAddresses.isEmpty, "ListenAddress: there is none")
        try require(!hostKeyFiles.isEmpty, "HostKey: there is none")
        try require(loginGraceTime > .zero, "LoginGraceTime \(loginGraceTime): has to be longer than 0")
        try require(maxAuthTries >= 1, "MaxAuthTries \(maxAuthTries): has to be at least 1")
        let startups = maxStartups
        try require(
            startups.contradiction == nil,
            "MaxStartups \(startups): \(startups.contradiction ?? "")"
        )
        let perSource = perSourceMaxStartups ?? 1
        try require(perSource >= 1, "PerSourceMaxStartups \(perSource): has to be at least 1")
        let block = netBlockSize
        try require(
            (0...32).contains(block.ipv4) && (0...128).contains(block.ipv6),
            "PerSourceNetBlockSize \(block.ipv4):\(block.ipv6): has to be 0 to 32, and 0 to 128"
        )
        try require((1...1000).contains(maxChannels), "MaxSessions \(maxChannels): has to be 1 to 1000")
        try require(
            clientAliveCountMax >= 0,
            "ClientAliveCountMax \(clientAliveCountMax): has to be at least 0"
        )
        let isPlain = version.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "-") }
        try require(
            isPlain && (1...100).contains(version.utf8.count),
            "version \(version): has to be 1 to 100 printable ASCII characters without spaces and hyphens"
        )
    }

    /// Whether `allowUsers` and `denyUsers` let the name in.
    func permits(user: String) -> Bool {
        guard !user.isEmpty, user.utf8.count <= 64, !denyUsers.contains(where: { Wildcard.matches($0, user) }) else {
            return false
        }
        return allowUsers.isEmpty || allowUsers.contains { Wildcard.matches($0, user) }
    }
}
