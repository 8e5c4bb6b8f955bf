internal import CTunnelControl
internal import Glibc

/// The socket in the file system.
enum ControlSocketFile {
    private static let backlog: Int32 = 64

    /// Makes the socket, for its owner alone, and listens.
    static func open(_ path: String) throws(ControlError) -> Int32 {
        var listener = tunnelcontrol_listen(path, backlog)
        if listener == -EADDRINUSE {
            try removeLeftover(path)
            listener = tunnelcontrol_listen(path, backlog)
        }
        guard listener >= 0 else {
            let hint = listener == -ENOENT ? "; make its directory first" : ""
            throw ControlError(.system, "cannot make the control socket \(path): \(ControlError.text(listener))\(hint)")
        }
        return listener
    }

    /// A killed process leaves its socket behind; nobody answers there.
    private static func removeLeftover(_ path: String) throws(ControlError) {
        // connect(2) refuses a file of another kind in the same words as a socket without a listener.
        var information = stat()
        guard lstat(path, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK else {
            throw ControlError(.system, "\(path) is in the way of the control socket; remove it")
        }
        let probe = tunnelcontrol_connect(path, 1)
        if probe >= 0 { close(probe) }
        guard probe == -ECONNREFUSED else {
            if probe >= 0 || probe == -EAGAIN {
                throw ControlError(.inUse, "another process listens at the control socket \(path); stop it first")
            }
            throw .call("cannot try whether somebody listens at \(path)", probe)
        }
        unlink(path)
    }

    /// Lets the members of a group connect, which takes the right to write.
    static func share(_ path: String, with group: String) throws(ControlError) {
        guard let identifier = groupIdentifier(group) else { return }
        guard chown(path, uid_t.max, identifier) == 0 else {
            throw .call("cannot give it to the group \(group)", -errno)
        }
        guard chmod(path, 0o660) == 0 else { throw .call("cannot open it to the group \(group)", -errno) }
    }

    private static func groupIdentifier(_ name: String) -> gid_t? {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 65_536)
        guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }
}
