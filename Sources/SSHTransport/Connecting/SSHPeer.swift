internal import IPPacket

/// The far end of a TCP connection.
struct SSHPeer: Hashable, Sendable {
    let address: IPAddress
    let port: UInt16
}
