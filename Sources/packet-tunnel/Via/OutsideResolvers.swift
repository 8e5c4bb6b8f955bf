internal import Glibc
internal import IPPacket
internal import LinuxNetwork
internal import OpenSSHSyntax

/// Names for a command that starts while the tunnel is down: its own ssh(1) looks its server up, and the host's resolv.conf
/// names resolvers that are reached through the tunnel alone.
///
/// The command gets a mount namespace (unshare(1)) in which resolv.conf says what it said before the tunnel, over TCP: that is
/// what rules can let pass. Nobody else's names leave beside the tunnel.
struct OutsideResolvers {
    private static let port: UInt16 = 53

    /// The shell text to run in the place of the command; the command itself where the host's resolvers were left alone, or a
    /// mount namespace is not to be had.
    let script: String
    /// The name servers that it asks, whose connections are not those to its server.
    private(set) var endpoints: Set<ServerEndpoint> = []

    /// - Parameter reaching: lets connections to a name server pass; what it throws is that server's end.
    init(for command: String, reaching: (ServerEndpoint) throws -> Void) {
        let text = geteuid() == 0 ? ResolverSetup.textBefore() : nil
        let servers = text == nil ? [] : ResolverSetup.nameServersBefore().compactMap { IPAddress($0) }
        guard let text, !servers.isEmpty else {
            script = command
            return
        }
        endpoints = Set(servers.map { ServerEndpoint($0, port: Self.port) })
        for endpoint in endpoints { try? reaching(endpoint) }
        script = Self.script(for: command, resolvers: text + "\noptions use-vc timeout:2 attempts:2\n")
    }

    static func script(for command: String, resolvers: String) -> String {
        let isolated = "unshare --mount --propagation slave"
        let inside =
            "file=$(mktemp) && printf %s \"$1\" >\"$file\" && chmod 644 \"$file\" && "
            + "mount --bind \"$file\" /etc/resolv.conf; rm -f \"$file\"; exec /bin/sh -c \"$2\""
        let command = quoted(command)
        return "if \(isolated) true 2>/dev/null; then "
            + "exec \(isolated) /bin/sh -c \(quoted(inside)) sh \(quoted(resolvers)) \(command); fi; "
            + "exec /bin/sh -c \(command)"
    }

    /// One word for the shell, which looks at bytes.
    private static func quoted(_ text: String) -> String {
        "'" + text.parts(at: "'").joined(separator: "'\\''") + "'"
    }
}
