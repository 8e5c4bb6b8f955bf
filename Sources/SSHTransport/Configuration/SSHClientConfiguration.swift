internal import OpenSSHSyntax

/// Where a client connects to, and how: what a command line says, before any configuration file is read.
///
/// A plain value. What it leaves open is taken from the configuration file, and then from the defaults of `ssh`.
public struct SSHClientConfiguration: Sendable {
    /// Which `ssh_config(5)` file counts.
    public enum File: Sendable, Equatable {
        /// `~/.ssh/config`, then `/etc/ssh/ssh_config`.
        case standard
        /// No file (`-F none`).
        case none
        /// This file alone. One that cannot be read is an error.
        case path(String)
    }

    /// A host name, an address, or an alias from the configuration file.
    public var host: String
    /// The user on the server; nil: the file's, or the local user's name.
    public var user: String?
    /// The server's port; nil: the file's, or 22.
    public var port: UInt16?
    /// Private keys to try before anything else (`-i`), in order. A leading `~/` is the home directory.
    public var identityFiles: [String] = []
    /// The configuration file.
    public var file = File.standard
    /// Called with a line for a person where something deserves one and yet goes on: a key added to `known_hosts`, a
    /// key file that could not be used. On the connecting thread.
    public var notice: @Sendable (String) -> Void = { _ in }

    /// Called with a line for a person who wants to know each step of a connection; `true` for those that tell single values in
    /// force. On the connecting thread.
    public var progress: @Sendable (_ line: String, _ isDetail: Bool) -> Void = { _, _ in }
    /// Called with a line for a log when another congestion control suits the connection's path, and with what to do where the
    /// kernel does not give it. On the connection's loop.
    public var pathNotice: @Sendable (_ change: String, _ advice: String?) -> Void = { _, _ in }

    /// Binds a socket to an interface, for `BindInterface`. On the connecting thread. Unless set, that option is an error.
    public var bindToDevice: @Sendable (_ descriptor: Int32, _ name: String) throws -> Void = { _, name in
        throw SSHClientError(.usage, "BindInterface \(name): this program cannot bind to interfaces")
    }

    /// Called with each socket just before its connect(2), of every address that is tried. On the connecting thread.
    /// An error makes that attempt fail, as if nobody answered there.
    public var prepareSocket: @Sendable (SSHOutgoingSocket) throws -> Void = { _ in }

    /// Name servers to ask when the system's resolver does not answer: addresses as text. Empty: those of resolv.conf(5). On
    /// the connecting thread.
    public var nameServers: @Sendable () -> [String] = { [] }

    private(set) var options: [SSHOption] = []
    /// How many jump hosts there are between this one and the server that was asked for.
    var jumpDepth = 0

    /// Takes `host`, `user@host`, or `ssh://[user@]host[:port]`, as `ssh` does.
    ///
    /// - Throws: `SSHClientError` of kind `usage` if there is no host.
    public init(destination: String) throws(SSHClientError) {
        do throws(ValueProblem) {
            let destination = try Destination(parsing: destination)
            host = destination.host
            user = destination.user
            port = destination.port
        } catch {
            throw SSHClientError(.usage, error.description)
        }
    }

    /// Takes one `-o NAME=VALUE` (or `NAME VALUE`). The first value of a name counts, as with `ssh`; before what `user` and
    /// the configuration files say.
    ///
    /// - Throws: `SSHClientError` of kind `usage` for an unknown name, with the nearest known one, and for a value that
    ///   the option cannot have.
    public mutating func setOption(_ text: String) throws(SSHClientError) {
        do throws(ValueProblem) {
            options.append(try SSHOption(parsing: text))
        } catch {
            throw SSHClientError(.usage, error.description)
        }
    }
}

/// How a client asks the person at the terminal. Without a closure, or with `BatchMode yes`, it asks nothing.
///
/// The closures run on the connecting thread and may block.
public struct SSHClientPrompts {
    /// Shown the question about an unknown host key (host, type, fingerprint); true accepts the key for good.
    public var confirmHostKey: ((String) -> Bool)?
    /// Given the path of an encrypted private key; nil gives up on that key.
    public var passphrase: ((String) -> String?)?

    /// Asks by the given closures.
    public init(confirmHostKey: ((String) -> Bool)? = nil, passphrase: ((String) -> String?)? = nil) {
        self.confirmHostKey = confirmHostKey
        self.passphrase = passphrase
    }
}
