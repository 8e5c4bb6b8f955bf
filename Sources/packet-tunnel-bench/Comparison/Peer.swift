internal import ArgumentParser

/// A way to carry packets from the lab's client to its target. Each is a file in `Tests/Lab/peers`.
enum Peer: String, CaseIterable, Codable, CodingKeyRepresentable, ExpressibleByArgument {
    /// No tunnel at all: what the machine can do.
    case bare
    /// Stock OpenSSH at both ends.
    case sshW = "ssh-w"
    /// OpenVPN over TCP.
    case openvpn
    /// ocserv and openconnect, over DTLS.
    case ocserv
    /// WireGuard in user space.
    case wireguardGo = "wireguard-go"
    /// Ours with super-packets.
    case gso
    /// Ours with 16-bit lengths before single packets.
    case psiphon
    /// Stock `ssh -w` as the client of our server.
    case openssh
    /// Ours as the client of a stock `sshd`.
    case stockSSHD = "stock-sshd"

    /// True if its file in the lab lets it carry IPv6, too.
    var carriesIPv6: Bool { [.bare, .wireguardGo, .gso, .psiphon].contains(self) }

    /// True for what this project is answerable for.
    var isOurs: Bool { [.gso, .psiphon, .openssh, .stockSSHD].contains(self) }
}
