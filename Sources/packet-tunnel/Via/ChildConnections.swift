internal import FoundationEssentials
internal import Glibc
internal import IPPacket
internal import LinuxNetwork

/// The TCP connections of a process and of all that it has started, as /proc shows them (proc(5)).
struct ChildConnections {
    /// Established connections, without those to this host.
    private(set) var established: [LinePath] = []
    /// The first of those that exist, to be watched.
    private(set) var line: ChildLine?
    /// Connections that are being established.
    private(set) var connecting: [LinePath] = []
    /// Whether one of them is connected to a program of this host by a Unix socket, as with a shared SSH connection.
    private(set) var reachesLocally = false

    /// There is one that does not count.
    private(set) var hasIgnored = false
    private let ignored: Set<ServerEndpoint>

    /// - Parameter ignored: far ends of connections that do not count.
    init(of process: pid_t, ignoring ignored: Set<ServerEndpoint> = []) {
        self.ignored = ignored
        let family = Self.family(of: process)
        let sockets = family.reduce(into: Set<Substring>()) { $0.formUnion(Self.sockets(of: $1)) }
        guard !sockets.isEmpty else { return }
        for table in ["tcp", "tcp6"] {
            for line in KernelTable.lines(of: "/proc/\(process)/net/\(table)").dropFirst() {
                add(line.split(separator: " "), of: table, ofAnyIn: sockets)
            }
        }
        // Its standard error may be a socket of ours.
        let own = sockets.subtracting(Self.sockets(of: getpid()))
        reachesLocally = established.isEmpty && family.contains { Self.isConnectedLocally($0, byAnyOf: own) }
    }

    /// Lines of its table: address, references, protocol, flags, type, state, and inode.
    private static func isConnectedLocally(_ process: pid_t, byAnyOf sockets: Set<Substring>) -> Bool {
        KernelTable.lines(of: "/proc/\(process)/net/unix").dropFirst().contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 6 && fields[5] == "03" && sockets.contains(fields[6])
        }
    }

    /// One line of the table: number, local address, remote address, state, and six fields on the socket's inode.
    private mutating func add(_ fields: [Substring], of table: String, ofAnyIn sockets: Set<Substring>) {
        guard fields.count > 9, sockets.contains(fields[9]), let local = Self.endpoint(fields[1]),
            let server = Self.endpoint(fields[2])
        else { return }
        guard !ignored.contains(server) else { return hasIgnored = true }
        let path = LinePath(local: local.address, server: server)
        switch fields[3] {
        case "01":
            line = line ?? ChildLine(table: table, ends: [String(fields[1]), String(fields[2])])
            if !established.contains(path) { established.append(path) }
        case "02": if !connecting.contains(path) { connecting.append(path) }
        default: break
        }
    }

    /// `text` is the address in 32-bit words of this machine's byte order, and the port. Nil for this host's own.
    static func endpoint(_ text: Substring) -> ServerEndpoint? {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
        let digits = parts[0]
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var bits: UInt128 = 0
        var rest = digits
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            bits = bits << 32 | UInt128(UInt32(bigEndian: word))
            rest = rest.dropFirst(8)
        }
        // An IPv6 socket that is connected by IPv4 (RFC 4291 §2.5.5.2).
        let isIPv4 = digits.count == 8 || bits >> 32 == 0xffff
        let address = isIPv4 ? IPAddress(ipv4: UInt32(truncatingIfNeeded: bits)) : IPAddress(bits: bits)
        let isLocal = isIPv4 ? UInt8(truncatingIfNeeded: bits >> 24) == 127 : bits <= 1
        return isLocal ? nil : ServerEndpoint(address, port: port)
    }

    /// A process, and all that descend from it.
    static func family(of process: pid_t) -> [pid_t] {
        var children: [pid_t: [pid_t]] = [:]
        for name in names(in: "/proc") {
            guard let identifier = pid_t(name), let line = KernelTable.lines(of: "/proc/\(name)/stat").first,
                // The program's name stands in parentheses and may contain anything.
                let end = line.lastIndex(of: ")")
            else { continue }
            let fields = line[end...].split(separator: " ")
            guard fields.count > 2, let parent = pid_t(fields[2]) else { continue }
            children[parent, default: []].append(identifier)
        }
        var family = [process]
        var index = 0
        while index < family.count {
            family += children[family[index]] ?? []
            index += 1
        }
        return family
    }

    /// True while a process, or one that it has started, has the terminal open by its general name, as those have that ask
    /// for a passphrase.
    static func isAsking(_ process: pid_t) -> Bool {
        family(of: process).contains { files(of: $0).contains("/dev/tty") }
    }

    private static func sockets(of process: pid_t) -> [Substring] {
        files(of: process).filter { $0.hasPrefix("socket:[") }.map { $0.dropFirst(8).dropLast() }
    }

    private static func files(of process: pid_t) -> [String] {
        let directory = "/proc/\(process)/fd"
        return names(in: directory).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)")
        }
    }

    private static func names(in directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }
}
