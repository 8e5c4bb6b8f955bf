internal import CLinuxNetwork
internal import Glibc

/// `/etc/resolv.conf`, which may be a file, a symbolic link or a mount, or missing.
///
/// A file or link is replaced by a file of ours, so a link's target, which belongs to another program, stays as it is.
/// What cannot be replaced (a mount, a read-only directory, no rights but those of sudo) is written through.
struct ResolverFile {
    /// What is at the path.
    enum Form: Hashable {
        case missing
        case link(target: String)
        case file(mode: UInt32, owner: UInt32, group: UInt32)
    }

    /// What is at the path, and what a program reads there.
    struct Snapshot: Hashable {
        var form: Form
        /// Nil if the path leads nowhere.
        var bytes: [UInt8]?

        var text: String { String(decoding: bytes ?? [], as: UTF8.self) }
    }

    let path: String
    /// Runs `tee` and `rm` for a user who may not write; nil to write from this process.
    let runner: CommandRunner?

    init(_ options: NetworkSetupOptions) {
        path = options.resolverFile
        runner = options.usesSudo ? options.runner : nil
    }

    var snapshot: Snapshot {
        var status = stat()
        guard lstat(path, &status) == 0 else { return Snapshot(form: .missing) }
        guard status.st_mode & S_IFMT != S_IFLNK else {
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &buffer, buffer.count)
            let target = String(decoding: buffer[..<max(count, 0)].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
            return Snapshot(form: .link(target: target), bytes: SmallFile.read(path))
        }
        let form = Form.file(mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid)
        return Snapshot(form: form, bytes: SmallFile.read(path))
    }

    /// Tells the hosts apart that share a state directory but not this file: those of `ip netns exec` have it mounted.
    var place: String {
        var status = stat()
        guard isMountPoint, stat(path, &status) == 0 else { return "host" }
        return "mount-\(status.st_dev)-\(status.st_ino)"
    }

    /// Whether a file of ours can take its place.
    var isReplaceable: Bool {
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        return runner == nil && !isMountPoint && access(directory, W_OK) == 0
    }

    private var isMountPoint: Bool { linuxnetwork_is_mount_point(path) == 1 }

    /// Makes programs read `bytes`.
    ///
    /// - Parameter replaces: whether the path gets a file of its own; otherwise what is there is written through.
    func put(_ bytes: [UInt8], over form: Form, replaces: Bool) async throws(NetworkSetupError) {
        guard replaces else { return try await writeThrough(bytes) }
        var mode: mode_t = 0o644
        var owner: (uid_t, gid_t)?
        if case .file(let its, let user, let group) = form {
            mode = mode_t(its) | 0o444
            owner = (user, group)
        }
        let code = SmallFile.replace(path, bytes, mode: mode, owner: owner)
        guard code == 0 else { throw error(code) }
    }

    /// Brings back what `snapshot` has seen.
    func restore(_ snapshot: Snapshot, isReplaced: Bool) async throws(NetworkSetupError) {
        switch (snapshot.form, snapshot.bytes) {
        case (.link(let target), _) where isReplaced:
            let temporary = path + ".packet-tunnel"
            unlink(temporary)
            guard symlink(target, temporary) == 0, rename(temporary, path) == 0 else { throw error(errno) }
        case (.file(let mode, let owner, let group), let bytes?) where isReplaced:
            let code = SmallFile.replace(path, bytes, mode: mode_t(mode), owner: (owner, group))
            guard code == 0 else { throw error(code) }
        case (_, let bytes?): try await writeThrough(bytes)
        case (_, nil): try await remove()
        }
    }

    private func writeThrough(_ bytes: [UInt8]) async throws(NetworkSetupError) {
        if let runner { return try await runner.run(["tee", path], input: String(decoding: bytes, as: UTF8.self)) }
        let code = SmallFile.overwrite(path, bytes)
        guard code == 0 else { throw error(code) }
    }

    /// A link that led nowhere has got a target by being written through.
    private func remove() async throws(NetworkSetupError) {
        if let runner { return try await runner.run(["rm", "-f", path]) }
        let target = realpath(path, nil)
        defer { free(target) }
        guard let target, unlink(target) != 0, errno != ENOENT else { return }
        throw error(errno)
    }

    private func error(_ code: Int32) -> NetworkSetupError {
        if code == EPERM, geteuid() == 0 {
            return NetworkSetupError(
                .resolverSetup,
                "\(path) cannot be changed even by root",
                advice: "see `lsattr \(path)`; `chattr -i` undoes that, or choose --dns-setup none"
            )
        }
        if code == EPERM || code == EACCES { return .notPermitted("write \(path)") }
        return NetworkSetupError(
            .resolverSetup,
            "cannot write \(path): \(NetworkSetupError.errorText(code))",
            advice: "make it writable, or choose another --dns-setup"
        )
    }
}
