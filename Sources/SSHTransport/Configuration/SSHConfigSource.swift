internal import Glibc
internal import IPPacket

/// What ssh_config files refer to: files, accounts, commands and addresses, of this host or of a test.
protocol SSHConfigSource {
    /// The text of a file.
    ///
    /// - Parameter isPrivate: true for a file that others must not be able to write.
    func contents(of file: String, isPrivate: Bool) throws(AuthorizedKeysFileError) -> String
    /// The files that a shell pattern names, in alphabetical order.
    func paths(matching pattern: String) -> [String]
    /// The home directory of a user; of the one who runs the program for an empty name.
    func home(_ user: String) -> String?
    /// Runs a shell command; true if it exits with status 0 in time.
    func succeeds(_ command: String) -> Bool
    /// The addresses of the interfaces, without loopback.
    func addresses() -> [IPAddress]
}

/// This host.
struct HostConfigSource: SSHConfigSource {
    /// Milliseconds: a command may wait for a device or a network, but not for ever.
    private static let commandTimeout: Int32 = 60_000

    func contents(of file: String, isPrivate: Bool) throws(AuthorizedKeysFileError) -> String {
        try AuthorizedKeysFile.read(file, owner: isPrivate ? getuid() : nil)
    }

    func paths(matching pattern: String) -> [String] { LocalUser.glob(pattern) }

    func home(_ user: String) -> String? { LocalUser.home(user) }

    func succeeds(_ command: String) -> Bool { ShellCommand.succeeds(command, timeout: Self.commandTimeout) }

    func addresses() -> [IPAddress] { LocalUser.addresses() }
}
