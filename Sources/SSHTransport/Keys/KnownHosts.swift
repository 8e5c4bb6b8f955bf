internal import CLibSSH
internal import Glibc

/// The host keys that a user and the system know: `known_hosts` files.
///
/// libssh's own check knows one file per user, skips `@revoked` lines and does not say where an entry stands. Here the
/// files are read line by line and libssh is asked about each line alone, hashed names included.
struct KnownHosts {
    /// A key that some file has for the host.
    struct Entry: Equatable {
        var publicKey: SSHPublicKey
        var file: String
        var line: Int
        var isRevoked = false

        var location: String { "\(file):\(line)" }
    }

    /// What the files say about the key that a server offers.
    enum Verdict: Equatable {
        case known
        /// No file has any key for the host.
        case unknown
        /// The files have other keys: of the same type, or, if there is none, of another.
        case changed(Entry)
        case revoked(Entry)
    }

    /// What the files have for the host, in their order.
    let entries: [Entry]

    /// Reads the files; one that is missing or unreadable has no entries.
    ///
    /// - Parameters:
    ///   - host: as `known_hosts` writes it: see `name(host:port:)`.
    ///   - files: in order of preference.
    init(host: String, files: [String]) {
        entries = files.flatMap { Self.entries(of: $0, host: host) }
    }

    /// The name of a host in `known_hosts`: lower case, and with its port in brackets unless that is 22.
    static func name(host: String, port: UInt16) -> String {
        let host = host.lowercased()
        return port == 22 ? host : "[\(host)]:\(port)"
    }

    /// Judges the key that the server has proved to own.
    func verdict(on offered: SSHPublicKey) -> Verdict {
        if let revoked = entries.first(where: { $0.isRevoked && $0.publicKey == offered }) { return .revoked(revoked) }
        let valid = entries.filter { !$0.isRevoked }
        if valid.contains(where: { $0.publicKey == offered }) { return .known }
        guard let other = valid.first(where: { $0.publicKey.type == offered.type }) ?? valid.first else {
            return .unknown
        }
        return .changed(other)
    }

    /// Adds a key at the end of a file, which is made with its directory if need be.
    static func add(_ key: SSHPublicKey, host: String, to file: String) throws(SSHClientError) {
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
        let line = "\(host) \(key.type) \(Base64.encode(key.blob))\n"
        let text = Array((last == UInt8(ascii: "\n") ? line : "\n" + line).utf8)
        guard write(descriptor, text, text.count) == text.count else { throw cannotWrite(file) }
    }

    private static func cannotWrite(_ file: String) -> SSHClientError {
        SSHClientError(.configuration, "cannot add the host key to \(file): \(String(cString: strerror(errno)))")
    }

    // MARK: Reading

    private static func entries(of file: String, host: String) -> [Entry] {
        guard let text = try? AuthorizedKeysFile.read(file, owner: nil) else { return [] }
        return text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
            .compactMap { index, line in entry(of: Substring(line), host: host, file: file, number: index + 1) }
    }

    private static func entry(of line: Substring, host: String, file: String, number: Int) -> Entry? {
        var line = line
        var isRevoked = false
        if line.hasPrefix("@") {
            // A certificate authority vouches for certificates, which libssh does not check: such a line says nothing.
            guard line.hasPrefix("@revoked "), let space = line.firstIndex(of: " ") else { return nil }
            isRevoked = true
            line = line[space...].drop(while: { $0 == " " || $0 == "\t" })
        }
        guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
        var parsed: UnsafeMutablePointer<ssh_knownhosts_entry>?
        guard ssh_known_hosts_parse_line(host, String(line), &parsed) == SSH_OK, let parsed else { return nil }
        defer { ssh_knownhosts_entry_free(parsed) }
        guard let key = parsed.pointee.publickey.flatMap({ SSHPublicKey($0) }) else { return nil }
        return Entry(publicKey: key, file: file, line: number, isRevoked: isRevoked)
    }
}
