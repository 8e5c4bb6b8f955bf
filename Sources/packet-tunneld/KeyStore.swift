internal import Glibc
internal import Logging
internal import SSHTransport
internal import TunnelConfiguration

/// Finds the keys that a user may log in with, in the files that the configuration names. Reads them anew for each
/// connection, so that a key that is taken away stays away.
struct KeyStore: Sendable {
    let patterns: [KeyFilePattern]
    let strictModes: Bool
    let logger: Logger

    /// The line of `user`'s files that lets `key` in.
    func authorize(
        _ user: String,
        _ key: SSHPublicKey,
        _ remoteAddress: String
    ) -> Result<AuthorizedKey, AuthorizedKeysRefusal> {
        let account = Account(user)
        var refusal = AuthorizedKeysRefusal.unknownKey
        for pattern in patterns {
            guard let path = pattern.path(user: user, home: account?.home) else { continue }
            guard let keys = read(path, account: pattern.needsHome ? account : nil) else { continue }
            switch keys.match(key, remoteAddress: remoteAddress, now: Int64(time(nil))) {
            case .success(let authorized): return .success(authorized)
            case .failure(.unknownKey): continue
            case .failure(let reason): refusal = reason
            }
        }
        return .failure(refusal)
    }

    private func read(_ path: String, account: Account?) -> AuthorizedKeys? {
        do throws(AuthorizedKeysFileError) {
            let keys = try AuthorizedKeys(
                contentsOf: path,
                owner: account?.identifier ?? 0,
                home: account?.home,
                checksModes: strictModes
            )
            for problem in keys.problems { logger.warning("key refused", metadata: ["problem": "\(problem)"]) }
            return keys
        } catch {
            if !error.isMissing { logger.warning("key file refused", metadata: ["problem": "\(error)"]) }
            return nil
        }
    }
}

/// What the host knows of a user; many users of a tunnel have no account.
struct Account {
    let identifier: uid_t
    let home: String

    init?(_ user: String) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwnam_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let home = entry.pw_dir else {
            return nil
        }
        identifier = entry.pw_uid
        self.home = String(cString: home)
    }
}
