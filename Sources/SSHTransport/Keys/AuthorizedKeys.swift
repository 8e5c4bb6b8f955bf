/// The keys that one user may log in with: the contents of one `authorized_keys` file.
///
/// Built once and then only read, so it can be shared by all threads. A line that cannot be understood in full, an
/// option included, costs that line's key and no other: the line is in `problems`, with a reason.
public struct AuthorizedKeys: Sendable {
    /// The path that problems are reported with.
    public let file: String
    /// The valid lines, in the file's order.
    public private(set) var keys: [AuthorizedKey] = []
    /// The lines that were refused, in the file's order.
    public private(set) var problems: [AuthorizedKeysProblem] = []

    /// The file as it was when it was read; nil if it had been changed so lately that a later change might look the same.
    var identity: FileIdentity?

    private var keysByBlob: [[UInt8]: [Int]] = [:]
    private var problemsByBlob: [[UInt8]: Int] = [:]

    /// Reads the text of a file. Never fails: what is wrong with it is in `problems`.
    ///
    /// - Parameters:
    ///   - text: the format of sshd(8), section AUTHORIZED_KEYS FILE FORMAT, with the options that
    ///     `TunnelRestrictions` lists.
    ///   - file: a name for `problems`.
    public init(parsing text: String, file: String) {
        self.file = file
        for (index, line) in text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            guard let line = AuthorizedKeysLine(Substring(line)) else { continue }
            switch line.parse(number: index + 1) {
            case .success(let key): insert(key)
            case .failure(let refusal): insert(refusal, line: index + 1)
            }
        }
    }

    private mutating func insert(_ key: AuthorizedKey) {
        keysByBlob[key.publicKey.blob, default: []].append(keys.count)
        keys.append(key)
    }

    private mutating func insert(_ refusal: AuthorizedKeysLine.Refusal, line: Int) {
        if let blob = refusal.blob { problemsByBlob[blob] = problems.count }
        problems.append(AuthorizedKeysProblem(file: file, line: line, reason: refusal.reason))
    }

    /// True if these are the same lines of the same file, unread since.
    public func isUnchanged(since previous: AuthorizedKeys) -> Bool {
        identity != nil && identity == previous.identity
    }

    /// Finds the first line that lets `key` in from where it comes, now.
    ///
    /// A key may be on several lines with different conditions; each is tried in turn, as sshd does.
    ///
    /// - Parameters:
    ///   - key: what the client offers.
    ///   - remoteAddress: the client's address in text form, IPv4 or IPv6, without port.
    ///   - now: seconds since 1970 in UTC.
    /// - Returns: the line, or why the last one that has the key says no.
    public func match(
        _ key: SSHPublicKey,
        remoteAddress: String,
        now: Int64
    ) -> Result<AuthorizedKey, AuthorizedKeysRefusal> {
        var refusal = AuthorizedKeysRefusal.unknownKey
        if let problem = problemsByBlob[key.blob] { refusal = .invalidLine(problems[problem]) }
        for index in keysByBlob[key.blob] ?? [] {
            let candidate = keys[index]
            if let expiry = candidate.restrictions.expiry, expiry < now {
                refusal = .expired(line: candidate.line)
            } else if !candidate.restrictions.permitsSource(remoteAddress) {
                refusal = .sourceAddress(line: candidate.line)
            } else {
                return .success(candidate)
            }
        }
        return .failure(refusal)
    }
}

/// One valid line of an `authorized_keys` file.
public struct AuthorizedKey: Sendable, Equatable {
    /// The key.
    public let publicKey: SSHPublicKey
    /// What follows the key on its line; often `user@host`.
    public let comment: String
    /// The line's number, from 1.
    public let line: Int
    /// What the line's options allow.
    public let restrictions: TunnelRestrictions

    /// The key type's name, for example `ssh-ed25519`.
    public var type: String { publicKey.type }
    /// The key in SSH's wire format.
    public var blob: [UInt8] { publicKey.blob }
    /// `SHA256:` and unpadded base64, as OpenSSH prints it.
    public var fingerprint: String { publicKey.fingerprint }
}

/// A line of an `authorized_keys` file that is not used, and why.
public struct AuthorizedKeysProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file's path.
    public let file: String
    /// The line's number, from 1.
    public let line: Int
    /// What is wrong, in one clause.
    public let reason: String

    /// `file:line: reason`, the form that editors jump to.
    public var description: String { "\(file):\(line): \(reason)" }
}

/// Why a key may not log in. For the log: a client learns no more than that it was refused.
public enum AuthorizedKeysRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// No line has the key.
    case unknownKey
    /// There is no file with keys of this user.
    case noKeys
    /// The keys cannot be looked for now: a file or the name service does not answer.
    case unavailable(String)
    /// The server's rules for users say no, whatever the key: a clause for the log.
    case user(String)
    /// The key is on a line that is not understood in full.
    case invalidLine(AuthorizedKeysProblem)
    /// The line's `from=` does not name the client's address.
    case sourceAddress(line: Int)
    /// The line's `expiry-time=` has passed.
    case expired(line: Int)

    /// True if the answer may be another one soon, without anybody's doing.
    var isUncertain: Bool {
        if case .unavailable = self { true } else { false }
    }

    /// True if no key of this user would do.
    var isAboutUser: Bool {
        switch self {
        case .noKeys, .user: true
        default: false
        }
    }

    /// A clause for a log line.
    public var description: String {
        switch self {
        case .unknownKey: "the key is not listed"
        case .noKeys: "there are no keys for this user"
        case .unavailable(let reason): "its keys cannot be read (\(reason))"
        case .user(let reason): reason
        case .invalidLine(let problem): "its line is refused (\(problem))"
        case .sourceAddress(let line): "line \(line): from= does not permit this address"
        case .expired(let line): "line \(line): expiry-time= has passed"
        }
    }
}
