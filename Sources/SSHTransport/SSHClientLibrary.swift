internal import CLibSSH

/// What the client end needs of libssh as a whole.
enum SSHClientLibrary {
    /// Sets the library up, once per process: a static libssh does not do that by itself.
    static let isReady: Bool = ssh_init() == SSH_OK

    /// The text of the last error of a session, in one line.
    static func error(of session: ssh_session) -> String {
        let text = String(cString: ssh_get_error(UnsafeMutableRawPointer(session)))
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.isEmpty ? "no reason given" : line
    }
}
