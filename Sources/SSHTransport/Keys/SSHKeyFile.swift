internal import CLibSSH
internal import Glibc

/// Key pairs of users, as files: what `ssh-keygen` makes.
public enum SSHKeyFile {
    /// The file that `ssh` and this client try without being told: `~/.ssh/id_ed25519`.
    public static var standardPath: String { LocalUser.homeDirectory + "/.ssh/id_ed25519" }

    /// Makes an Ed25519 key pair: the private half at `path`, readable by its owner alone, the public half at `path.pub`.
    ///
    /// Blocks on the file system. Nothing is ever overwritten.
    ///
    /// - Parameters:
    ///   - comment: what the public half calls itself; one line.
    ///   - passphrase: encrypts the private half; nil leaves it plain.
    /// - Throws: `SSHClientError` of kind `configuration` that names the file.
    public static func create(_ path: String, comment: String, passphrase: String?) throws(SSHClientError)
        -> SSHPublicKey
    {
        do { try SSHRuntime.initialize() } catch { throw SSHClientError(.temporary, error.reason) }
        var key: ssh_key?
        guard libssh_shim_generate_key(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK, let key else {
            throw SSHClientError(.configuration, "\(path): no key can be generated")
        }
        defer { ssh_key_free(key) }
        var text: UnsafeMutablePointer<CChar>?
        guard let publicKey = SSHPublicKey(key),
            ssh_pki_export_privkey_base64(key, passphrase, nil, nil, &text) == SSH_OK, let text
        else { throw SSHClientError(.configuration, "\(path): the new key cannot be written as text") }
        defer { ssh_string_free_char(text) }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { mkdir(String(path[..<slash]), 0o700) }
        try write(String(cString: text), to: path, mode: 0o600)
        do throws(SSHClientError) {
            try write("\(line(publicKey, comment: comment))\n", to: path + ".pub", mode: 0o644)
        } catch {
            unlink(path)
            throw error
        }
        return publicKey
    }

    /// The public half of a key that is there: what `path.pub` says, or the private half, as far as it is not encrypted.
    public static func publicKey(_ path: String) -> SSHPublicKey? {
        access(path, F_OK) == 0 ? ClientIdentity.publicKey(path) : nil
    }

    /// The line of an `authorized_keys` file that lets a key in.
    public static func line(_ key: SSHPublicKey, comment: String) -> String {
        "\(key.type) \(Base64.encode(key.blob)) \(SSHRuntime.printable(comment))"
    }

    private static func write(_ text: String, to path: String, mode: mode_t) throws(SSHClientError) {
        func failure() -> SSHClientError {
            SSHClientError(.configuration, "\(path): cannot be made: \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure() }
        let bytes = Array(text.utf8)
        errno = ENOSPC  // a short write says nothing
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        guard close(descriptor) == 0, isWritten else {
            let error = failure()
            unlink(path)
            throw error
        }
    }
}
