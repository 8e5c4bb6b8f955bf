public import Glibc

extension AuthorizedKeys {
    /// Reads a file, if nobody but its owner and root could have written it.
    ///
    /// The checks are those of sshd's `StrictModes`: the file, and every directory above it up to `home` (or to the
    /// root, for a file elsewhere), belongs to `owner` or root and is not writable by group or others.
    ///
    /// Blocks on the file system.
    ///
    /// - Parameters:
    ///   - path: the file. Symbolic links are followed first; what is checked is where they lead.
    ///   - owner: the user whose keys these are.
    ///   - home: the directory above which nothing is checked; nil: check up to the root.
    ///   - checksModes: false leaves out the checks (`StrictModes no`).
    ///   - previous: what the file held when it was read last; taken again, unread, if the file is still the same.
    /// - Throws: `AuthorizedKeysFileError`, with the path and what to do.
    public init(
        contentsOf path: String,
        owner: uid_t,
        home: String? = nil,
        checksModes: Bool = true,
        previous: AuthorizedKeys? = nil
    ) throws(AuthorizedKeysFileError) {
        guard let resolved = AuthorizedKeysFile.resolve(path) else { throw AuthorizedKeysFileError(path, code: errno) }
        let (descriptor, status) = try AuthorizedKeysFile.open(resolved, owner: checksModes ? owner : nil)
        defer { close(descriptor) }
        if checksModes {
            try AuthorizedKeysFile.checkDirectories(above: resolved, owner: owner, home: home)
        }
        let identity = FileIdentity(status)
        if let previous, let identity, previous.identity == identity, previous.file == path {
            self = previous
            return
        }
        self.init(parsing: try AuthorizedKeysFile.contents(of: descriptor, resolved), file: path)
        self.identity = identity
    }
}

/// Why an `authorized_keys` file cannot be used at all.
public struct AuthorizedKeysFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path that is at fault: the file, or a directory above it.
    public let path: String
    /// What is wrong and, where it is not plain from that, what to do.
    public let reason: String
    /// True if there is no such file, which only means that the user has no keys.
    public let isMissing: Bool
    /// True if the file may be good, and only cannot be read now.
    public let isTransient: Bool

    init(_ path: String, reason: String) {
        self.path = path
        self.reason = reason
        isMissing = false
        isTransient = false
    }

    init(_ path: String, code: Int32) {
        self.path = path
        reason = String(cString: strerror(code))
        isMissing = code == ENOENT || code == ENOTDIR
        isTransient = [EIO, ESTALE, ETIMEDOUT, ENFILE, EMFILE, ENOMEM, EINTR].contains(code)
    }

    /// `path: reason`.
    public var description: String { "\(path): \(reason)" }
}

enum AuthorizedKeysFile {
    /// Far above any real file; keeps a slip (a disk image, say) out of memory.
    private static let sizeLimit: off_t = 16 << 20

    static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    static func read(_ path: String, owner: uid_t?) throws(AuthorizedKeysFileError) -> String {
        String(decoding: try readBytes(path, owner: owner), as: UTF8.self)
    }

    static func readBytes(_ path: String, owner: uid_t?) throws(AuthorizedKeysFileError) -> [UInt8] {
        let (descriptor, _) = try open(path, owner: owner)
        defer { close(descriptor) }
        return try bytes(of: descriptor, path)
    }

    static func open(
        _ path: String,
        owner: uid_t?
    ) throws(AuthorizedKeysFileError) -> (descriptor: Int32, status: stat) {
        // Non-blocking: a pipe in the file's place must not hold the thread.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AuthorizedKeysFileError(path, code: errno) }
        do {
            return (descriptor, try status(of: descriptor, path, owner: owner))
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func status(
        of descriptor: Int32,
        _ path: String,
        owner: uid_t?
    ) throws(AuthorizedKeysFileError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AuthorizedKeysFileError(path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw AuthorizedKeysFileError(path, reason: "not a regular file")
        }
        guard status.st_size <= sizeLimit else { throw AuthorizedKeysFileError(path, reason: "larger than 16 MiB") }
        if let owner { try check(status, path, owner: owner) }
        return status
    }

    static func contents(of descriptor: Int32, _ path: String) throws(AuthorizedKeysFileError) -> String {
        String(decoding: try bytes(of: descriptor, path), as: UTF8.self)
    }

    private static func bytes(of descriptor: Int32, _ path: String) throws(AuthorizedKeysFileError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while bytes.count <= sizeLimit {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw AuthorizedKeysFileError(path, code: errno) }
            if count == 0 { break }
            bytes += chunk.prefix(count)
        }
        return bytes
    }

    static func checkDirectories(
        above path: String,
        owner: uid_t,
        home: String?
    ) throws(AuthorizedKeysFileError) {
        let home = home.flatMap(resolve)
        var directory = path[...]
        while let slash = directory.lastIndex(of: "/"), directory != "/" {
            directory = slash == directory.startIndex ? "/" : directory[..<slash]
            var status = stat()
            guard stat(String(directory), &status) == 0 else {
                throw AuthorizedKeysFileError(String(directory), code: errno)
            }
            try check(status, String(directory), owner: owner)
            if let home, directory == home { return }
        }
    }

    private static func check(_ status: stat, _ path: String, owner: uid_t) throws(AuthorizedKeysFileError) {
        guard status.st_uid == owner || status.st_uid == 0 else {
            throw AuthorizedKeysFileError(
                path,
                reason:
                    "belongs to user \(status.st_uid), not to user \(owner) or root; chown it, or it is ignored"
            )
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw AuthorizedKeysFileError(
                path,
                reason: "writable by group or others; run chmod go-w on it, or it is ignored"
            )
        }
    }
}
