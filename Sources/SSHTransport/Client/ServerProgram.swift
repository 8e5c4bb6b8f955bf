internal import CLibSSH

/// Which program answers at a server's port, by its greeting (RFC 4253 §4.2). Anybody can say anything.
struct ServerProgram {
    /// What it says of itself; empty before it has.
    let banner: String

    init(_ session: ssh_session) { banner = ssh_get_serverbanner(session).map { String(cString: $0) } ?? "" }

    /// A server of this library.
    var isOurs: Bool { banner.contains(SSHServerConfiguration.programName) }

    /// What has to be said where nobody logs in, or no tunnel opens, and the server is another one; else nil.
    func advice(_ settings: SSHClientSettings) -> String? {
        // A jump host is seldom one of ours.
        guard !isOurs, !banner.isEmpty, settings.configuration.jumpDepth == 0 else { return nil }
        return "Port \(settings.port) is answered by \(SSHRuntime.printable(banner, limit: 60)), not by packet-tunneld"
            + (settings.port == 22 ? ", which \(Self.usualPort)" : "")
    }

    /// Said where somebody has left the port out.
    static let usualPort = "usually listens on another port (-p 2222)"
}

extension SSHClient {
    /// A sentence that names the program at the server's port, and says that packet-tunneld may listen elsewhere; nil if it is one of ours.
    public var otherServerAdvice: String? { ServerProgram(handle.session).advice(settings) }
}
