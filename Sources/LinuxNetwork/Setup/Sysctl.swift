internal import Glibc

/// A kernel setting below `/proc/sys`, named by its path there: `net/ipv4/conf/eth0/forwarding`.
struct Sysctl: Hashable {
    let path: String

    var file: String { "/proc/sys/\(path)" }

    /// The value now; nil if the kernel or the interface has no such setting.
    func read() -> String? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    /// What gives a new network namespace the same effect, as `NAME=VALUE` with dots. Interfaces are not there yet then,
    /// but take over what `default` says; and IPv6 forwards as the whole host says.
    var outside: String {
        let name = path.split(separator: "/").last ?? ""
        if path.hasPrefix("net/ipv6"), ["forwarding", "force_forwarding", "accept_ra"].contains(name) {
            return "net.ipv6.conf.all.forwarding=1"
        }
        if path.hasPrefix("net/ipv4") { return "net.ipv4.ip_forward=1" }
        return "net.ipv6.conf.default.\(name)=\(name == "addr_gen_mode" ? 1 : 0)"
    }

    /// - Throws: `NetworkSetupError` of the kinds `notPermitted` and `system`.
    func write(_ value: String) throws(NetworkSetupError) {
        let descriptor = open(file, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == EROFS ? .readOnly(self, value) : .system("set \(path) to \(value)", code: errno)
        }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, value, value.utf8.count) > 0 else {
            throw .system("set \(path) to \(value)", code: errno)
        }
    }
}
