internal import SSHTransport
internal import TunnelConfiguration

extension AlgorithmSupport {
    /// What the library that is linked in can do.
    static let library = AlgorithmSupport(library: "libssh \(SSHLibrary.version)") { kind, name in
        switch kind {
        case .cipher: SSHLibrary.knows(name, in: .cipher)
        case .mac: SSHLibrary.knows(name, in: .mac)
        case .keyExchange: SSHLibrary.knows(name, in: .keyExchange)
        }
    }
}
