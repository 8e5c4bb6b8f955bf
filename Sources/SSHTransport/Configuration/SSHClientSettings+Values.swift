internal import Glibc
internal import OpenSSHSyntax

/// Values with their defaults. The readers have checked the form of each.
extension SSHClientSettings {
    private static let defaultConnectTimeout = 15
    /// The kernel gives up on a connection after some two minutes by itself.
    private static let endlessConnectTimeout = 3600
    private static let defaultAliveInterval = 15
    private static let defaultIdentities = ["id_rsa", "id_ecdsa", "id_ed25519"]

    func text(_ keyword: String) -> String? { values[keyword]?.text }

    func flag(_ keyword: String) -> Bool { text(keyword).flatMap(SSHConfigSyntax.flag) ?? false }

    private func seconds(_ keyword: String) -> Int? { Self.seconds(keyword, values) }

    private static func seconds(_ keyword: String, _ values: SSHConfigValues) -> Int? {
        guard let text = values[keyword]?.text else { return nil }
        return (try? TimeSpan.parse(text)).map { Int(clamping: $0.components.seconds) } ?? 0
    }

    // MARK: The connection

    /// Seconds until somebody has to answer. 0 means the system's own time, as with `ssh`; without any value it is short,
    /// because a tunnel is to come back soon.
    var connectTimeout: Int { Self.connectTimeout(values) }

    static func connectTimeout(_ values: SSHConfigValues) -> Int {
        guard let seconds = seconds("connecttimeout", values) else { return defaultConnectTimeout }
        return seconds > 0 ? min(seconds, endlessConnectTimeout) : endlessConnectTimeout
    }

    /// Seconds of silence after which the server is asked for a sign of life; 0: never. `ssh` leaves this off; a tunnel
    /// that is to come back by itself has to notice that it is gone.
    var serverAliveInterval: Int { seconds("serveraliveinterval") ?? Self.defaultAliveInterval }

    /// Questions without an answer after which the server is taken for dead.
    var serverAliveCountMax: Int { text("serveralivecountmax").flatMap { Int($0) } ?? 3 }

    /// How the connection's congestion control is chosen.
    var congestionControl: CongestionControl {
        text("congestioncontrol").flatMap { try? CongestionControl(parsing: $0) } ?? .auto
    }

    /// The interface that the connection leaves by; nil: the routes decide.
    var bindInterface: String? { text("bindinterface") }

    /// The address or name of this host that the connection comes from; nil: the kernel chooses.
    var bindAddress: String? { text("bindaddress") }

    /// `AF_UNSPEC` unless one family is asked for.
    var addressFamily: Int32 { Self.addressFamily(values) }

    static func addressFamily(_ values: SSHConfigValues) -> Int32 {
        switch values["addressfamily"]?.text.lowercased() {
        case "inet": AF_INET
        case "inet6": AF_INET6
        default: AF_UNSPEC
        }
    }

    /// Whether a command or a jump host makes the connection.
    var usesProxy: Bool { Self.usesProxy(values) }

    static func usesProxy(_ values: SSHConfigValues) -> Bool {
        ["proxyjump", "proxycommand"].contains { values[$0].map { $0.text.lowercased() != "none" } ?? false }
    }

    /// The hosts on the way to the server, the first one first; empty without `ProxyJump`.
    var jumpHosts: [Destination] { text("proxyjump").flatMap { try? JumpHosts(parsing: $0) }?.hosts ?? [] }

    /// The command that makes the connection, its tokens replaced; nil without one. A shell takes it apart.
    func proxyCommand() throws(SSHClientError) -> String? {
        guard let value = values["proxycommand"], value.text.lowercased() != "none" else { return nil }
        return try expand(value.text, SSHTokens.proxy, environment: false, at: value.location)
    }

    // MARK: The host key

    var isBatch: Bool { flag("batchmode") }

    /// True if nothing but errors is to be said.
    var isQuiet: Bool { ["QUIET", "FATAL", "ERROR"].contains(text("loglevel")?.uppercased()) }

    var hostKeyPolicy: SSHClientHostKeyPolicy {
        text("stricthostkeychecking").flatMap { SSHClientHostKeyPolicy($0) } ?? .ask
    }

    /// The name under which the host's key is looked up; in lower case.
    var hostKeyAlias: String? { text("hostkeyalias")?.lowercased() }

    /// Where a new key is added: the first file. `none` and an unset option differ: without a file nothing is kept.
    var userKnownHostsFiles: [String] {
        let directory = LocalUser.homeDirectory + "/.ssh/"
        return (try? paths("userknownhostsfile")) ?? [directory + "known_hosts", directory + "known_hosts2"]
    }

    var globalKnownHostsFiles: [String] {
        (try? paths("globalknownhostsfile")) ?? ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
    }

    /// A file of keys that no host may have; nil without one.
    var revokedHostKeysFile: String? { (try? paths("revokedhostkeys"))?.first }

    // MARK: The user's keys

    /// Keys that somebody named, in order: command line first, then the configuration files.
    var namedIdentities: [String] {
        var seen: Set<String> = []
        return values.identityFiles.filter { $0.text.lowercased() != "none" }
            .compactMap { try? path($0.text, at: $0.location) }
            .filter { seen.insert($0).inserted }
    }

    /// Certificates that somebody named, in order.
    var namedCertificates: [String] {
        values.certificateFiles.filter { $0.text.lowercased() != "none" }
            .compactMap { try? path($0.text, at: $0.location) }
    }

    /// The usual files; none if somebody named some, or `none`.
    var defaultIdentities: [String] {
        values.identityFiles.isEmpty
            ? Self.defaultIdentities.map { LocalUser.homeDirectory + "/.ssh/" + $0 } : []
    }

    /// With `IdentitiesOnly yes` the agent's keys count where a file names them.
    var onlyNamedIdentities: Bool { flag("identitiesonly") }

    /// The socket of the agent; nil without one.
    func agentSocket() throws(SSHClientError) -> String? {
        let variable = { (name: String) in getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }
        guard let value = values["identityagent"], value.text != "SSH_AUTH_SOCK" else {
            return variable("SSH_AUTH_SOCK")
        }
        let text = value.text
        if text.lowercased() == "none" { return nil }
        if let name = text.rest(after: "$"), !text.begins(with: "${") { return variable(String(name)) }
        return try path(text, at: value.location)
    }
}

/// What to do about host keys that no `known_hosts` file has. A key that differs from a known one is always refused.
enum SSHClientHostKeyPolicy {
    case refuse
    case ask
    case accept

    init?(_ value: String) {
        switch value.lowercased() {
        case "yes", "true": self = .refuse
        case "ask": self = .ask
        // "no" goes on with a changed key too, at ssh; a tunnel for everything is the last thing to allow that.
        case "no", "false", "off", "accept-new": self = .accept
        default: return nil
        }
    }
}
