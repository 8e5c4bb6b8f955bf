internal import CLibSSH

/// The one initialisation that a statically linked libssh needs, before any thread uses it.
enum SSHRuntime {
    private static let isInitialized = libssh_shim_init() == SSH_OK

    /// Initialises the library on the first call. From any thread.
    static func initialize() throws(SSHError) {
        guard isInitialized else { throw SSHError(.resources, "the SSH library cannot be initialised") }
    }

    /// The library's own words about its last failure, fit for a log line whatever a peer put into them.
    static func lastError(of session: ssh_session) -> String {
        printable(String(cString: ssh_get_error(UnsafeMutableRawPointer(session))))
    }

    /// `text` without what could break a log line or a terminal, cut at `limit` characters.
    static func printable(_ text: String, limit: Int = 200) -> String {
        String(
            text.unicodeScalars.prefix(limit).map { scalar -> Character in
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                    ? "?" : Character(scalar)
            }
        )
    }
}
