/// What a person reads about a host key: the question about a new one, and why one is refused.
struct SSHClientHostKeyRefusal {
    let settings: SSHClientSettings
    /// As `known_hosts` writes it.
    let name: String
    /// The key that the server has shown.
    let offered: SSHPublicKey
    /// Which program has shown it.
    let program: ServerProgram

    /// Where the server's own word is found: on its console, by somebody who is there.
    private var comparison: String {
        let program = program.isOurs ? "packet-tunnel" : "ssh"
        let kind = offered.type.hasPrefix("ecdsa") ? "ecdsa" : offered.type.hasPrefix("ssh-rsa") ? "rsa" : "ed25519"
        return "ssh-keygen -lf /etc/\(program)/ssh_host_\(kind)_key"
    }

    /// Shown before a key is accepted for good.
    func question(keptIn file: String?) -> String {
        """
        The host \(name) is not known. Its key is
          \(offered)
        Compare that with what the server says of itself, on its console or by a way that you trust:
          \(comparison)
        Connect\(file.map { ", and keep this key in \($0)" } ?? "")?
        """
    }

    /// Nobody knows the host.
    func unknown(_ authority: KnownHosts.Entry?) -> SSHClientError {
        let file = settings.userKnownHostsFiles.first
        var message =
            "the host \(name) is not known; it has shown \(offered). Compare this with the server's own "
            + "(there: \(comparison)); if it is the same, "
        if let file {
            message += "add this line to \(file), or connect with -o StrictHostKeyChecking=accept-new:\n  "
        } else {
            message += "add this line to a file that UserKnownHostsFile names:\n  "
        }
        message += KnownHostsFile.line(offered, name: name)
        if let authority {
            message +=
                "\n(\(authority.location) names an authority for the host; certificates are not used here, so that its "
                + "plain key has to be known)"
        }
        return SSHClientError(.hostKeyUnknown, message, hostKeys: .init(offered: offered, known: nil, location: nil))
    }

    /// The host has another key.
    func changed(_ entry: KnownHosts.Entry) -> SSHClientError {
        SSHClientError(
            .hostKeyChanged,
            "the host key of \(name) has changed. Known: \(entry.publicKey) (\(entry.location)). "
                + "Offered: \(offered). Somebody may be between you and the server. If its key was really replaced "
                + "(there: \(comparison)), remove the old one: ssh-keygen -f '\(entry.file)' -R '\(name)', "
                + "and add this line to \(settings.userKnownHostsFiles.first ?? entry.file):\n  "
                + KnownHostsFile.line(offered, name: name),
            hostKeys: .init(offered: offered, known: entry.publicKey, location: entry.location)
        )
    }

    /// The key must not be accepted, whatever else is said about it.
    func revoked(_ entry: KnownHosts.Entry) -> SSHClientError {
        SSHClientError(
            .hostKeyChanged,
            "the host key of \(name), \(offered), is marked as revoked (\(entry.location)): whoever has it must not be "
                + "trusted",
            hostKeys: .init(offered: offered, known: entry.publicKey, location: entry.location)
        )
    }
}
