internal import CLibSSH

/// libssh as it is linked in: its version, the algorithms that it can do, and whether the system has a newer one.
///
/// From any thread.
public enum SSHLibrary {
    /// The lists that two ends agree on an algorithm by (RFC 4253 §7.1).
    public enum AlgorithmList: Sendable {
        /// Key exchanges
        case keyExchange
        /// Ciphers
        case cipher
        /// Message authentication codes
        case mac

        fileprivate var option: ssh_options_e {
            switch self {
            case .keyExchange: SSH_OPTIONS_KEY_EXCHANGE
            case .cipher: SSH_OPTIONS_CIPHERS_C_S
            case .mac: SSH_OPTIONS_HMAC_C_S
            }
        }
    }

    /// The version, such as `0.10.6`. The archive is linked in whole: an update of the library needs a new build.
    public static let version = String(cString: libssh_shim_version()).prefix { $0 != "/" }.description

    /// Key exchanges that hold against a quantum computer, too, best first, whether this version has them or not.
    public static let postQuantumKeyExchanges = [
        "mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com",
    ]

    /// Whether this version of the library can do the algorithm.
    public static func knows(_ name: String, in list: AlgorithmList) -> Bool {
        (try? SSHRuntime.initialize()) != nil && libssh_shim_knows(list.option, name)
    }

    /// A sentence about the system's shared libssh if that is newer than the one in this program, which then lacks what
    /// has been mended since; nil if it is not, or if there is none.
    ///
    /// - Parameters:
    ///   - program: the file that was linked.
    ///   - directory: where to look for the shared library; nil: where the dynamic linker looks.
    public static func newerInstallation(
        program: String = "/proc/self/exe",
        directory: String? = nil
    ) -> String? {
        var file = [CChar](repeating: 0, count: 4096)
        var installed = [CChar](repeating: 0, count: 32)
        let isNewer = libssh_shim_newer_library(program, directory, &file, file.count, &installed, installed.count)
        guard isNewer else { return nil }
        func text(_ buffer: [CChar]) -> String {
            String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        }
        let (path, other) = (text(file), text(installed))
        return other == version
            ? "\(path) was built after this program, which has libssh \(version) linked in; build it anew to get the "
                + "library's security updates"
            : "\(path) is libssh \(other), and this program has \(version) linked in; build it anew to get the library's "
                + "security updates"
    }
}
