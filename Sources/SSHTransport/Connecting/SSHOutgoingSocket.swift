public import IPPacket

/// A socket that is about to be connected, before its connect(2): the place for socket options, marks and routing rules.
public struct SSHOutgoingSocket: Sendable {
    /// The peer at the far end.
    public enum Purpose: Sendable {
        /// An SSH server, or the first jump host on the way to it. TCP.
        case server
        /// A name server that is asked for the address of such a host. TCP.
        case nameServer
    }

    /// The socket: non-blocking, of the address's family, bound to no address unless `BindAddress` says so. It stays its
    /// owner's.
    public let descriptor: Int32
    /// The far end's address.
    public let address: IPAddress
    /// The far end's port.
    public let port: UInt16
    /// The peer that is connected.
    public let purpose: Purpose
}
