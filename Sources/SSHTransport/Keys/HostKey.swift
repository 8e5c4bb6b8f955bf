internal import CLibSSH
internal import Glibc

/// A server's private key, as a file.
///
/// Made on the first start and never overwritten: a changed host key looks like an attack to every client.
struct HostKey: ~Copyable {
    let path: String
    /// The public half.
    let publicKey: SSHPublicKey
    private let key: ssh_key

    deinit { ssh_key_free(key) }

    /// Reads the key at `path`, or makes an Ed25519 key there if nothing is.
    ///
    /// - Throws: `SSHError` of kind `hostKey`, naming the file and what to do, if it is readable by others, not a
    ///   private key, encrypted, or cannot be read or made.
    init(loadingOrCreating path: String) throws(SSHError) {
        try SSHRuntime.initialize()
        if access(path, F_OK) != 0, errno == ENOENT { try Self.create(path) }
        try Self.checkPermissions(path)
        var key: ssh_key?
        guard ssh_pki_import_privkey_file(path, nil, nil, nil, &key) == SSH_OK, let key else {
            throw SSHError(.hostKey, "\(path): not a private key without a passphrase that the SSH library can read")
        }
        guard let publicKey = SSHPublicKey(key) else {
            ssh_key_free(key)
            throw SSHError(.hostKey, "\(path): the key has no public half")
        }
        self.path = path
        self.key = key
        self.publicKey = publicKey
    }

    /// A copy of the key for libssh to own.
    borrowing func copy() throws(SSHError) -> ssh_key {
        guard let copy = ssh_key_dup(key) else { throw SSHError(.resources, "out of memory") }
        return copy
    }

    private static func checkPermissions(_ path: String) throws(SSHError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw SSHError(.hostKey, "\(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SSHError(.hostKey, "\(path): not a regular file") }
        guard status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw SSHError(.hostKey, "\(path): others may read it (mode 0\(mode)); run: chmod 600 \(path)")
        }
    }

    /// Writes a new key beside `path` and links it there: complete or absent at any moment, and never over another.
    private static func create(_ path: String) throws(SSHError) {
        var key: ssh_key?
        guard libssh_shim_generate_key(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK, let key else {
            throw SSHError(.hostKey, "\(path): no key can be generated")
        }
        defer { ssh_key_free(key) }
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)  // of an earlier process with this number that was killed
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SSHError(.hostKey, "\(path): cannot be made: \(String(cString: strerror(errno)))")
        }
        defer { unlink(temporary) }
        // libssh opens the file by name and keeps the mode it has.
        let isWritten = ssh_pki_export_privkey_file(key, nil, nil, nil, temporary) == SSH_OK && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten else { throw SSHError(.hostKey, "\(path): cannot be written") }
        guard link(temporary, path) == 0 || errno == EEXIST else {
            throw SSHError(.hostKey, "\(path): cannot be made: \(String(cString: strerror(errno)))")
        }
    }
}
