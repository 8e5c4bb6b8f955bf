/// What carries a connection below SSH: a socket of ours, a jump host, or a proxy command.
///
/// Used by the connecting thread, then by the loop that the connection is handed to.
protocol ConnectionLink: AnyObject, Sendable {
    /// Where the packets of the connection go outside: the server's address, or that of the first jump host. Empty if that
    /// is not ours to know.
    var peers: [SSHPeer] { get }

    /// Why the link has ended by itself, for a person; nil if it has not, or if it is the server's own connection.
    var failure: SSHClientError? { get }

    /// Gives the end of the link a moment to be known. Blocks.
    func settle()

    /// Ends what is left of it when the connection over it has ended. Idempotent.
    func close()
}

extension ConnectionLink {
    func settle() {}

    /// What a failure of the connection over it really comes from. Blocks for a moment.
    func explain(_ error: SSHClientError) -> SSHClientError {
        switch error.kind {
        case .temporary, .unreachable, .protocolViolation:
            settle()
            return failure ?? error
        case .usage, .hostKeyUnknown, .hostKeyChanged, .permission, .configuration: return error
        }
    }
}

/// A TCP connection to the server itself. The library closes its socket.
final class DirectLink: ConnectionLink {
    let address: ServerAddress
    var peers: [SSHPeer] { [SSHPeer(address: address.address, port: address.port)] }
    var failure: SSHClientError? { nil }

    init(_ address: ServerAddress) {
        self.address = address
    }

    func close() {}
}
