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

    /// `text` with everything escaped that could break a log line, or change how a terminal shows the rest of it, cut at
    /// `limit` characters.
    static func printable(_ text: String, limit: Int = 200) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            if isInvisible(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A user's name for a log line. No blank and no equals sign: a program that reads the log must not find a field in it.
    static func userName(_ name: String) -> String {
        // By scalars: a blank with a combining mark behind it is another character to Swift, and a blank to such a program.
        String(
            String.UnicodeScalarView(
                printable(name, limit: 64).unicodeScalars.map { " =".unicodeScalars.contains($0) ? "?" : $0 }
            )
        )
    }

    /// Control characters of ASCII and ISO 8859-1, marks that change the direction of writing, and line ends of Unicode.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
