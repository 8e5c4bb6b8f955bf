internal import CLibSSH
internal import Glibc

/// A key that somebody has named by a file: what there is of it.
enum ClientIdentity {
    /// Why a private key file is not used, or nil: as `ssh`, which leaves others' files to their owners.
    static func permissionProblem(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return String(cString: strerror(errno)) }
        guard status.st_uid == getuid(), status.st_mode & 0o077 != 0 else { return nil }
        let mode = String(status.st_mode & 0o777, radix: 8)
        return "others may read it (mode 0\(mode)), so that it is not used; run: chmod 600 \(path)"
    }

    /// The public half of a key: `path.pub`, the file itself if it is a public key, or what a private key file tells without
    /// its passphrase. Nil if nobody knows it.
    static func publicKey(_ path: String) -> SSHPublicKey? {
        for candidate in [path + ".pub", path] where access(candidate, R_OK) == 0 {
            var key: ssh_key?
            guard ssh_pki_import_pubkey_file(candidate, &key) == SSH_OK, let key else { continue }
            defer { ssh_key_free(key) }
            if let key = SSHPublicKey(key) { return key }
        }
        return nil
    }

    /// True if the file holds a public key alone, as `ssh-add -L` and `ssh-keygen` write it.
    static func isPublic(_ path: String) -> Bool {
        guard let text = try? AuthorizedKeysFile.read(path, owner: nil) else { return false }
        return !text.contains("PRIVATE KEY") && publicKey(path) != nil
    }
}
