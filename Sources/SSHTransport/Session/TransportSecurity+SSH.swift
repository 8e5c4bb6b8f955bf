internal import CLibSSH
internal import PacketTunnel

extension TransportSecurity {
    /// What the two ends of a session have agreed on. On the thread that owns the session, after its key exchange.
    ///
    /// - Parameter hostKey: the algorithm that the server has signed with, or the type of its key.
    init(_ session: ssh_session, hostKey: String) {
        func text(_ value: UnsafePointer<CChar>?) -> String { value.map { String(cString: $0) } ?? "" }
        let cipher = text(ssh_get_cipher_out(session))
        // Some ciphers authenticate by themselves, and what is negotiated beside them is not used (RFC 5647 §5.1).
        let hasOwn = cipher.contains("gcm") || cipher.contains("poly1305")
        self.init(
            keyExchange: text(ssh_get_kex_algo(session)),
            cipher: cipher,
            mac: hasOwn ? nil : text(ssh_get_hmac_out(session)),
            hostKey: hostKey
        )
    }
}
