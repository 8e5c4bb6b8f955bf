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
        guard status.st_size > 0 else {
            throw SSHError(.hostKey, "\(path): empty, and no key was ever in it; remove it, and a new key is made")
        }
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
        var text: UnsafeMutablePointer<CChar>?
        guard ssh_pki_export_privkey_base64(key, nil, nil, nil, &text) == SSH_OK, let text else {
            throw SSHError(.hostKey, "\(path): the new key cannot be written as text")
        }
        defer { ssh_string_free_char(text) }
        let file = NewFile(path)
        try file.create(Array(UnsafeRawBufferPointer(start: text, count: strlen(text))), mode: 0o600, replaces: false)
        // For people, and for `ssh-keygen -lf`. The key is good without it.
        guard let publicKey = SSHPublicKey(key) else { return }
        try? NewFile("\(path).pub").create(
            Array("\(publicKey.type) \(Base64.encode(publicKey.blob))\n".utf8),
            mode: 0o644,
            replaces: true
        )
    }
}

/// A file that is complete or absent at any moment, also when the disk is full or the machine stops.
private struct NewFile {
    let path: String

    init(_ path: String) { self.path = path }

    /// Writes the file beside its place and moves it there.
    ///
    /// - Parameter replaces: false keeps a file that is there by now, and counts as success.
    func create(_ bytes: [UInt8], mode: mode_t, replaces: Bool) throws(SSHError) {
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)  // of an earlier process with this number that was killed
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("cannot be made") }
        defer { unlink(temporary) }
        errno = 0
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let code = errno
        guard close(descriptor) == 0, isWritten else {
            errno = isWritten ? errno : code
            throw failure("cannot be written")
        }
        let isPlaced = replaces ? rename(temporary, path) == 0 : link(temporary, path) == 0 || errno == EEXIST
        guard isPlaced else { throw failure("cannot be made") }
        let slash = path.lastIndex(of: "/")
        let directory = open(slash.map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    private func failure(_ what: String) -> SSHError {
        SSHError(.hostKey, "\(path): \(what): \(errno == 0 ? "the disk is full" : String(cString: strerror(errno)))")
    }
}
