internal import Glibc
internal import Logging
internal import SSHTransport
internal import Synchronization
internal import TunnelConfiguration

/// Finds the keys that users may log in with, in the files that the configuration names. From any thread.
///
/// Files are looked at anew for each connection, so that a key that is taken away stays away, and read anew when they have
/// changed. Both happen on threads of their own: a file server or a name service may take as long as it likes.
final class KeyStore: Sendable {
    private let configuration: LiveConfiguration
    private let logger: Logger
    /// Files that were read lately, by path.
    private let files = Mutex<[String: AuthorizedKeys]>([:])
    private let work = BoundedWork(label: "packet-tunneld.keys", width: 32)

    /// Beyond it all are read anew once; a file can be as long as its administrator likes.
    private static let fileLimit = 1_024

    init(_ configuration: LiveConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Looks for the keys of `user`, and calls `done` on a thread of its own.
    func load(_ user: String, done: @escaping @Sendable (UserKeys) -> Void) {
        work.run { [self] in done(find(user)) }
    }

    private func find(_ user: String) -> UserKeys {
        let configuration = configuration.current
        let patterns = configuration.authorizedKeysFiles
        var keys = UserKeys()
        var account: Account?
        if patterns.contains(where: \.needsHome) {
            switch Account.find(user) {
            case .success(let found): account = found
            case .failure(let error): keys.trouble = error.description
            }
        }
        for pattern in patterns {
            guard let path = pattern.path(user: user, home: account?.home) else { continue }
            do throws(AuthorizedKeysFileError) {
                keys.files.append(try read(path, pattern.needsHome ? account : nil, configuration.strictModes))
            } catch {
                if error.isTransient { keys.trouble = error.description }
                if !error.isMissing { logger.warning("key file refused", metadata: ["problem": "\(error)"]) }
            }
        }
        return keys
    }

    private func read(
        _ path: String,
        _ account: Account?,
        _ strictModes: Bool
    ) throws(AuthorizedKeysFileError) -> AuthorizedKeys {
        let previous = files.withLock { $0[path] }
        let keys = try AuthorizedKeys(
            contentsOf: path,
            owner: account?.identifier ?? 0,
            home: account?.home,
            checksModes: strictModes,
            previous: previous
        )
        if let previous, keys.isUnchanged(since: previous) { return keys }
        for problem in keys.problems where previous?.problems.contains(problem) != true {
            logger.warning("key refused", metadata: ["problem": "\(problem)"])
        }
        files.withLock { files in
            if files.count >= Self.fileLimit, files[path] == nil { files = [:] }
            files[path] = keys
        }
        return keys
    }
}

/// The keys of one user, as they were at one moment.
struct UserKeys: Sendable {
    var files: [AuthorizedKeys] = []
    /// Why there may be more.
    var trouble: String?

    /// The line that lets `key` in, now.
    func authorize(_ key: SSHPublicKey, _ remoteAddress: String) -> Result<AuthorizedKey, AuthorizedKeysRefusal> {
        var refusal = files.isEmpty ? AuthorizedKeysRefusal.noKeys : .unknownKey
        for keys in files {
            switch keys.match(key, remoteAddress: remoteAddress, now: Int64(time(nil))) {
            case .success(let authorized): return .success(authorized)
            case .failure(.unknownKey): continue
            case .failure(let reason): refusal = reason
            }
        }
        if let trouble, refusal == .noKeys || refusal == .unknownKey { return .failure(.unavailable(trouble)) }
        return .failure(refusal)
    }
}

/// What the host knows of a user; many users of a tunnel have no account.
struct Account: Sendable {
    let identifier: uid_t
    let home: String

    /// The name service has not answered.
    struct LookupError: Error, CustomStringConvertible {
        let code: Int32
        var description: String { "the name service: \(String(cString: strerror(code)))" }
    }

    /// Asks the name service, which may take its time; nil for a user without account.
    static func find(_ user: String) -> Result<Account?, LookupError> {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        let code = getpwnam_r(user, &entry, &buffer, buffer.count, &found)
        // getpwnam(3): for a name that is not found, some services give one of these.
        guard code == 0 || [ENOENT, ESRCH, EBADF, EPERM].contains(code) else {
            return .failure(LookupError(code: code))
        }
        guard found != nil, let home = entry.pw_dir else { return .success(nil) }
        return .success(Account(identifier: entry.pw_uid, home: String(cString: home)))
    }
}
