/// How a transport keeps others out: what its two ends have agreed on, in the names of SSH (RFC 4253 §7.1).
///
/// For people to read. The core decides nothing by it.
public struct TransportSecurity: Codable, Hashable, Sendable, CustomStringConvertible {
    /// How the keys were agreed on, for example `mlkem768x25519-sha256`.
    public var keyExchange: String
    /// The cipher of what this end sends.
    public var cipher: String
    /// The message authentication code of what this end sends; nil where the cipher has its own.
    public var mac: String?
    /// The algorithm, or the type of the key, that the server has proved itself by.
    public var hostKey: String

    /// Names as they go over the wire.
    public init(keyExchange: String, cipher: String, mac: String?, hostKey: String) {
        self.keyExchange = keyExchange
        self.cipher = cipher
        self.mac = mac
        self.hostKey = hostKey
    }

    /// For a log line: key exchange, cipher, MAC if there is one, host key.
    public var description: String {
        [keyExchange, cipher, mac, "host key \(hostKey)"].compactMap { $0 }.joined(separator: ", ")
    }
}
