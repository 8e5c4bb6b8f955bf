internal import CLinuxNetwork
internal import Glibc

/// Whole files of a few kilobytes.
enum SmallFile {
    /// Bytes that are read at most; glibc stops much earlier in a file of resolvers.
    static let limit = 65_536

    /// The bytes of a regular file; nil if it is missing, too long or something else.
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes += buffer[..<count]
        }
        return nil
    }

    /// Makes the file anew under a name of its own, and puts it into its place at once, on the disk as well.
    ///
    /// - Returns: 0, or the error's number.
    static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600, owner: (uid_t, gid_t)? = nil) -> Int32 {
        let temporary = path + ".packet-tunnel"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var code = write(bytes, to: descriptor)
        if code == 0, let owner, fchown(descriptor, owner.0, owner.1) != 0 { code = errno }
        copyLabel(from: path, to: descriptor)
        if code == 0, fchmod(descriptor, mode) != 0 || fsync(descriptor) != 0 { code = errno }
        if code == 0, rename(temporary, path) != 0 { code = errno }
        if code != 0 { unlink(temporary) }
        return code
    }

    /// Writes into the file that is there, which keeps its inode, or makes one.
    ///
    /// - Returns: 0, or the error's number.
    static func overwrite(_ path: String, _ bytes: [UInt8]) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return write(bytes, to: descriptor)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return errno }
            rest = rest.dropFirst(count)
        }
        return 0
    }

    /// What SELinux goes by belongs to the file's place, and a new file has that of its directory.
    private static func copyLabel(from path: String, to descriptor: Int32) {
        var label = [UInt8](repeating: 0, count: 256)
        let count = getxattr(path, "security.selinux", &label, label.count)
        if count > 0 { _ = fsetxattr(descriptor, "security.selinux", &label, count, 0) }
    }
}
