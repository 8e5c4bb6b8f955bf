internal import CLibSSH
internal import Glibc

/// A logged-in connection to an SSH server.
///
/// Made by blocking calls on one thread that is no event loop's. Until it is handed to a loop it belongs to that
/// thread; it is not `Sendable`, because libssh's sessions are not. What happens to it while it waits there, nobody
/// notices: hand it over soon.
public final class SSHClient {
    /// The server's address or name after the configuration file has had its say.
    public let host: String
    /// The server's port.
    public let port: UInt16
    /// The name that the server knows the user by.
    public let user: String
    /// The server's key; it was known, or has been accepted.
    public let hostKey: SSHPublicKey
    /// The cipher towards the server.
    public let cipher: String

    private let handle: SSHClientHandle
    let settings: SSHClientSettings

    /// Connects, checks the host key, and logs in. Blocks for at most `ConnectTimeout` (15 s unless set) at each step,
    /// and as long as a person takes to answer.
    ///
    /// - Throws: `SSHClientError`; its kind says what a program should do about it.
    public init(
        connecting configuration: SSHClientConfiguration,
        prompts: SSHClientPrompts = SSHClientPrompts()
    ) throws(SSHClientError) {
        let settings = try SSHClientSettings(configuration)
        let handle = try SSHClientHandle()
        try settings.apply(to: handle.session)
        host = handle.text(SSH_OPTIONS_HOST) ?? configuration.host
        port = handle.port
        let hostKeyCheck = SSHClientHostKey(settings: settings, host: host, port: port)
        try settings.setHostKeyAlgorithms(hostKeyCheck.preferredAlgorithms, of: handle.session)
        try handle.connect(to: "\(host) port \(port)")
        user = handle.text(SSH_OPTIONS_USER) ?? SSHClientPath.userName
        hostKey = try hostKeyCheck.check(
            handle.session,
            confirm: settings.isBatch ? nil : prompts.confirmHostKey,
            notice: configuration.notice
        )
        var authentication = ClientAuthentication(
            handle.session,
            user: user,
            settings: settings,
            passphrase: settings.isBatch ? nil : prompts.passphrase
        )
        try authentication.run(namedIdentities: settings.namedIdentities(host: host, user: user, port: port))
        cipher = ssh_get_cipher_out(handle.session).map { String(cString: $0) } ?? ""
        self.handle = handle
        self.settings = settings
    }

    /// Ends the connection. Idempotent, and what the last reference does anyway.
    public func close() { handle.close() }

    /// Runs a command on the server and collects what it says, as `ssh host command` does. Blocks.
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

/// Owns one libssh session of a client, from its making to its handing over or its end.
final class SSHClientHandle {
    let session: ssh_session
    private var isClosed = false

    init() throws(SSHClientError) {
        guard SSHClientLibrary.isReady, let session = ssh_new() else {
            throw SSHClientError(.temporary, "the SSH library cannot be set up: out of memory, or no random numbers")
        }
        self.session = session
    }

    deinit {
        close()
        ssh_free(session)
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        ssh_disconnect(session)
    }

    var port: UInt16 {
        var port: UInt32 = 22
        ssh_options_get_port(session, &port)
        return UInt16(truncatingIfNeeded: port)
    }

    func text(_ option: ssh_options_e) -> String? {
        var value: UnsafeMutablePointer<CChar>?
        guard ssh_options_get(session, option, &value) == SSH_OK, let value else { return nil }
        defer { ssh_string_free_char(value) }
        return String(cString: value)
    }

    func connect(to place: String) throws(SSHClientError) {
        guard ssh_connect(session) != SSH_OK else { return }
        let reason = SSHClientLibrary.error(of: session)
        throw Self.connectFailure(place, reason)
    }

    /// libssh tells its failures apart by text alone.
    static func connectFailure(_ place: String, _ reason: String) -> SSHClientError {
        func says(_ words: String...) -> Bool { words.contains { reason.lowercased().contains($0) } }
        if says("resolve hostname") {
            return SSHClientError(
                .unreachable,
                "cannot find \(place): no such host name; check its spelling and your DNS"
            )
        }
        if says("refused") {
            return SSHClientError(.unreachable, "\(place) refuses the connection: no SSH server listens there")
        }
        if says("timeout", "timed out") {
            return SSHClientError(.unreachable, "\(place) does not answer; check address, port and firewalls")
        }
        if says("unreachable", "no route", "failed to connect", "connect failed", "cannot assign") {
            return SSHClientError(.unreachable, "cannot reach \(place): \(reason)")
        }
        if says("kex error", "no match for method", "banner", "version", "signature", "crypt") {
            return SSHClientError(.protocolViolation, "\(place) cannot be spoken with: \(reason)")
        }
        // Closed during the key exchange: too many connections, or a server that is going down.
        return SSHClientError(.temporary, "\(place) has ended the connection: \(reason)")
    }
}
