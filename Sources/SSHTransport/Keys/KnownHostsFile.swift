internal import Glibc

/// Writes to a `known_hosts` file.
enum KnownHostsFile {
    /// The line that makes a key known.
    static func line(_ key: SSHPublicKey, name: String) -> String {
        "\(name) \(key.type) \(Base64.encode(key.blob))"
    }

    /// Adds a key at the end of a file, which is made with its directory if need be.
    ///
    /// - Throws: `SSHClientError` of kind `configuration`.
    static func add(_ key: SSHPublicKey, name: String, to file: String) throws(SSHClientError) {
        if let slash = file.lastIndex(of: "/"), slash > file.startIndex {
            mkdir(String(file[..<slash]), 0o700)
        }
        let descriptor = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw cannotWrite(file) }
        defer { close(descriptor) }
        // A file whose last line is not ended must not swallow ours.
        var last = UInt8(ascii: "\n")
        let end = lseek(descriptor, 0, SEEK_END)
        if end > 0 { pread(descriptor, &last, 1, end - 1) }
        let line = line(key, name: name) + "\n"
        let text = Array((last == UInt8(ascii: "\n") ? line : "\n" + line).utf8)
        guard write(descriptor, text, text.count) == text.count else { throw cannotWrite(file) }
    }

    private static func cannotWrite(_ file: String) -> SSHClientError {
        SSHClientError(.configuration, "cannot add the host key to \(file): \(String(cString: strerror(errno)))")
    }
}
