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

    /// - Throws: `NetworkSetupError` of the kinds `notPermitted` and `system`.
    func write(_ value: String) throws(NetworkSetupError) {
        let descriptor = open(file, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("set \(path) to \(value)", code: errno) }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, value, value.utf8.count) > 0 else {
            throw .system("set \(path) to \(value)", code: errno)
        }
    }
}
