internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// systemd-resolved, which chooses its resolvers by interface and name. What it is told of an interface vanishes with the
/// interface, so a killed client leaves nothing there.
struct ResolvedService {
    /// For what only root may do.
    let runner: CommandRunner
    /// For questions.
    let asker: CommandRunner
    private static let name = "org.freedesktop.resolve1"
    private static let bus = ["busctl", "--auto-start=no", "--timeout=3"]
    private static let manager = [name, "/org/freedesktop/resolve1", "\(name).Manager"]

    init(_ options: NetworkSetupOptions) {
        runner = options.runner
        asker = CommandRunner(prefix: options.commandPrefix ?? [])
    }

    /// True if it answers, and for the interfaces of this network namespace: the bus of another one may be visible here.
    var answers: Bool {
        get async {
            if CommandRunner.isInstalled("busctl") {
                let question =
                    Self.bus + ["call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"]
                    + ["GetConnectionUnixProcessID", "s", Self.name]
                // Prints `u 123`.
                guard let answer = try? await asker.output(of: question), answer.hasPrefix("u ") else { return false }
                let process = answer.dropFirst(2).prefix { $0.isNumber }
                return Self.networkNamespace(of: "\(process)").map { $0 == Self.networkNamespace(of: "thread-self") }
                    ?? Self.stubListens
            }
            guard CommandRunner.isInstalled("resolvectl") else { return false }
            return (try? await asker.output(of: ["resolvectl", "dns"])) != nil && Self.stubListens
        }
    }

    /// Gives the interface its resolvers.
    func set(_ settings: ResolverSettings, interface: String) async throws(NetworkSetupError) {
        let index = Int32(if_nametoindex(interface))
        let commands =
            CommandRunner.isInstalled("resolvectl")
            ? Self.control(settings, interface: interface) : Self.calls(settings, index: index)
        for command in commands { try await runner.run(command, within: .seconds(10)) }
    }

    /// Takes that back.
    func revert(interface: String) async throws(NetworkSetupError) {
        let index = if_nametoindex(interface)
        guard index != 0 else { return }
        let command =
            CommandRunner.isInstalled("resolvectl")
            ? ["resolvectl", "revert", interface] : Self.call("RevertLink", index: Int32(index), "i", [])
        try await runner.run(command, within: .seconds(10))
    }

    static func control(_ settings: ResolverSettings, interface: String) -> [[String]] {
        // TLS to a resolver inside the tunnel would fail: the server's end answers on port 53 alone.
        [
            ["resolvectl", "dns", interface] + settings.addresses.map(\.description),
            ["resolvectl", "domain", interface] + domains(settings).map { ($0.isRoute ? "~" : "") + $0.name },
            ["resolvectl", "default-route", interface, settings.takesAllNames ? "yes" : "no"],
            ["resolvectl", "dnsovertls", interface, "no"],
        ]
    }

    /// The same for a host without `resolvectl`.
    static func calls(_ settings: ResolverSettings, index: Int32) -> [[String]] {
        let addresses = settings.addresses.flatMap { address in
            let bytes = address.networkBytes
            return ["\(address.isIPv4 ? AF_INET : AF_INET6)", "\(bytes.count)"] + bytes.map { "\($0)" }
        }
        let domains = domains(settings)
        let words = domains.flatMap { [$0.name, $0.isRoute ? "true" : "false"] }
        return [
            call("SetLinkDNS", index: index, "ia(iay)", ["\(settings.addresses.count)"] + addresses),
            call("SetLinkDomains", index: index, "ia(sb)", ["\(domains.count)"] + words),
            call("SetLinkDefaultRoute", index: index, "ib", [settings.takesAllNames ? "true" : "false"]),
            call("SetLinkDNSOverTLS", index: index, "is", ["no"]),
        ]
    }

    private static func call(_ method: String, index: Int32, _ signature: String, _ words: [String]) -> [String] {
        bus + ["call"] + manager + [method, signature, "\(index)"] + words
    }

    /// `~.` sends every name here that no other interface claims more exactly.
    private static func domains(_ settings: ResolverSettings) -> [(name: String, isRoute: Bool)] {
        (settings.takesAllNames ? [(".", true)] : []) + settings.searchDomains.map { ($0, false) }
    }

    private static func networkNamespace(of process: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/\(process)/ns/net", &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self) : nil
    }

    /// Whether 127.0.0.53:53 is open in this namespace; the file has addresses in the machine's byte order.
    private static var stubListens: Bool {
        let port = String(decoding: SmallFile.read("/proc/thread-self/net/udp") ?? [], as: UTF8.self)
        return port.contains(" 3500007F:0035 ") || port.contains(" 7F000035:0035 ")
    }
}
