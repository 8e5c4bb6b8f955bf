public import IPPacket

/// Where an SSH server listens: what its connection is told apart by from everything else that this host sends.
public struct ServerEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// The server's address.
    public let address: IPAddress
    /// The server's TCP port.
    public let port: UInt16

    /// A server at this address and TCP port.
    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// For example `192.0.2.1 port 22`.
    public var description: String { "\(address) port \(port)" }
}
