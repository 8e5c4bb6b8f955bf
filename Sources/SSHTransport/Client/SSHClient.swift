internal import CLibSSH
public import IPPacket
public import PacketTunnel

/// A logged-in connection to an SSH server.
///
/// Made by blocking calls on one thread that is no event loop's, and owned by that thread until `openTunnel` hands it
/// to a loop; it is not `Sendable`, because libssh's sessions are not. What happens to it before that, nobody notices:
/// hand it over soon.
public final class SSHClient {
    /// The server's address or name after the configuration file has had its say.
    public let host: String
    /// The server's port.
    public let port: UInt16
    /// The name that the server knows the user by.
    public let user: String
    /// The server's key; it was known, or has been accepted.
    public let hostKey: SSHPublicKey
    /// What the two ends have agreed on.
    public let security: TransportSecurity
    /// What the server's greeting says of its program (RFC 4253 §4.2); anybody can say anything.
    public let serverBanner: String

    /// Where this connection's packets go outside: the server's address, or that of the first jump host. Empty behind a
    /// proxy command, which makes its own connections.
    public var peers: [IPAddress] { link.peers.map(\.address) }
    /// The port of that connection; nil behind a proxy command.
    public var peerPort: UInt16? { link.peers.first?.port }
    /// This host's address on that connection; nil behind a proxy command.
    public var localAddress: IPAddress? { link.localAddress }
    /// `BindAddress` or `BindInterface`, and not the host's routes, choose how that connection leaves.
    public var isBound: Bool { link.isBound }
    /// The process of the proxy command; nil without one.
    public let proxyProcess: Int32?

    let link: any ConnectionLink
    let handle: SSHClientHandle
    let settings: SSHClientSettings

    /// Connects, checks the host key, and logs in. Blocks for at most `ConnectTimeout` (15 s unless set) until keys are
    /// exchanged and at each step of the login, and as long as a person takes to answer.
    ///
    /// - Throws: `SSHClientError`; its kind says what a program should do about it.
    public init(
        connecting configuration: SSHClientConfiguration,
        prompts: SSHClientPrompts = SSHClientPrompts()
    ) throws(SSHClientError) {
        let settings = try SSHClientSettings(configuration)
        let login = try SSHClientLogin.succeeding(configuration, settings, prompts)
        host = login.host
        port = login.port
        user = login.user
        hostKey = login.hostKey
        link = login.link
        proxyProcess = (login.link as? ProxyCommand)?.identifier
        handle = login.handle
        self.settings = settings
        security = TransportSecurity(handle.session, hostKey: hostKey.type)
        handle.security = security
        serverBanner = ssh_get_serverbanner(handle.session).map { String(cString: $0) } ?? ""
    }

    /// Ends the connection, unless it has been handed to a loop. Idempotent, and what the last reference does anyway.
    public func close() { handle.close() }

    /// Runs a command on the server and collects what it says, as `ssh host command` does. Blocks. Only before
    /// `openTunnel`: afterwards the connection is the loop's.
    ///
    /// - Parameters:
    ///   - command: handed to the server as it is; `info` and `status` mean something to our own server.
    ///   - timeout: for the whole of it, in seconds.
    /// - Throws: `SSHClientError`: `permission` if the server runs no commands, `temporary` if the answer does not come.
    public func exec(_ command: String, timeout: Int = 10) throws(SSHClientError) -> SSHClientCommandResult {
        try handle.exec(command, timeout: timeout)
    }
}

/// What a command on the server has left.
public struct SSHClientCommandResult: Sendable, Equatable {
    /// Its standard output.
    public let output: [UInt8]
    /// Its standard error.
    public let errorOutput: [UInt8]
    /// Its exit status; nil if it ended without one.
    public let status: Int32?
}
