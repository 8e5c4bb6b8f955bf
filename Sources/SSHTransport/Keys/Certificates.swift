/// Why nobody logs in by a certificate here (PROTOCOL.certkeys of OpenSSH), and how they do.
enum Certificates {
    /// For log lines and problems; begins in the middle of a sentence.
    static let advice = "certificates work behind a stock sshd with packet-tunnel-subsystem, see packet-tunneld(8)"
}
