internal import Glibc
internal import IPPacket

/// What carries a connection below SSH: a socket of ours, a jump host, or a proxy command.
///
/// Used by the connecting thread, then by the loop that the connection is handed to.
protocol ConnectionLink: AnyObject, Sendable {
    /// Where the packets of the connection go outside: the server's address, or that of the first jump host. Empty if that
    /// is not ours to know.
    var peers: [SSHPeer] { get }

    /// This host's end of that connection; nil if it is not ours to know.
    var localAddress: IPAddress? { get }

    /// `BindAddress` or `BindInterface`, and not the host's routes, choose how that connection leaves.
    var isBound: Bool { get }

    /// Why the link has ended by itself, for a person; nil if it has not, or if it is the server's own connection.
    var failure: SSHClientError? { get }

    /// Gives the end of the link a moment to be known. Blocks.
    func settle()

    /// Keeps the packets outside on an interface, as `SSHClientTunnel.stay(on:)` says.
    ///
    /// - Parameter socket: of the connection over the link.
    func stay(on interface: String, socket: Int32)

    /// Has `whenDoubtful` called, on a loop, whenever what was sent outside has not been acknowledged for some seconds, and
    /// the connection over the link cannot see that itself. Once the connection has been handed to its loop.
    func watch(whenDoubtful: @escaping @Sendable () -> Void)

    /// Ends what is left of it when the connection over it has ended. Idempotent.
    func close()
}

extension ConnectionLink {
    var localAddress: IPAddress? { nil }

    var isBound: Bool { false }

    func settle() {}

    func stay(on interface: String, socket: Int32) {}

    func watch(whenDoubtful: @escaping @Sendable () -> Void) {}

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
    let localAddress: IPAddress?
    let isBound: Bool
    var peers: [SSHPeer] { [SSHPeer(address: address.address, port: address.port)] }
    var failure: SSHClientError? { nil }

    /// - Parameter descriptor: of the connected socket.
    init(_ address: ServerAddress, descriptor: Int32, isBound: Bool) {
        self.address = address
        self.isBound = isBound
        localAddress = ServerAddress(localEndOf: descriptor)?.address
    }

    func stay(on interface: String, socket: Int32) {
        setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface, socklen_t(interface.utf8.count))
    }

    func close() {}
}
